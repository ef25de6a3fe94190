// Declarations of the SDK beside its module: sdk/dist/types/*.d.ts and huizhen-sdk.d.ts that re-exports them.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('..', import.meta.url));
const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
execFileSync(process.execPath, [tsc, '-p', 'sdk/tsconfig.json'], { cwd: web, stdio: 'inherit' });
writeFileSync(`${web}sdk/dist/huizhen-sdk.d.ts`, "export * from './types/index';\n");
