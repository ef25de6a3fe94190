// Writes sdk/src/protocol.ts from the schemas, the truth about huizhen.v1. The file is not committed.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
execFileSync(process.execPath, [at('../../signaling/protocol/generate-types.mjs'), at('../sdk/src/protocol.ts')], {
	stdio: 'inherit',
});
