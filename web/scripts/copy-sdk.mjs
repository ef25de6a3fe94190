// The gateway serves the SDK to hospitals' own pages: dist/sdk/huizhen-sdk.js
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
cpSync(at('../sdk/dist'), at('../dist/sdk'), { recursive: true });
