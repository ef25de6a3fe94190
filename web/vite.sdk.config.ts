import { defineConfig } from 'vite';

// The SDK alone, for a hospital's own page: one ES module, no dependency.
export default defineConfig({
	publicDir: false,
	build: {
		outDir: 'sdk/dist',
		target: ['es2020', 'safari15', 'chrome86', 'firefox91'],
		sourcemap: false,
		lib: { entry: 'sdk/src/index.ts', formats: ['es'], fileName: () => 'huizhen-sdk.js' },
	},
});
