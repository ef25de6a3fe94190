import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// No data: URIs and no inline scripts: the pages live under `default-src 'self'`.
export default defineConfig({
	root: '.',
	base: '/',
	publicDir: 'pages/public',
	resolve: { alias: { xmlbuilder2: fileURLToPath(new URL('./imaging/absent.ts', import.meta.url)) } },
	esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
	build: {
		outDir: 'dist',
		assetsDir: 'assets',
		assetsInlineLimit: 0,
		// iOS 15, WeChat's browsers (Chromium 86 and later)
		target: ['es2020', 'safari15', 'chrome86', 'firefox91'],
		sourcemap: false,
		modulePreload: { polyfill: false },
		rollupOptions: { input: { join: 'join.html', console: 'console.html', watch: 'watch.html', records: 'records.html', reading: 'reading.html' } },
	},
	// One classic script, under a name that the gateway knows: wasm is allowed in it and nowhere else (gateway/control/pages.c).
	worker: { format: 'iife', rollupOptions: { output: { inlineDynamicImports: true, entryFileNames: 'assets/decode-worker-[hash].js' } } },
	test: { include: ['dev/**/*.test.mjs', 'sdk/test/**/*.test.ts', 'pages/**/*.test.ts', 'imaging/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
