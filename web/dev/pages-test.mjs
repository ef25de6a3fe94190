// The pages in a real Chromium against the mock gateway: the patient's way in, the doctor's console, axe on every screen.
// `node dev/pages-test.mjs [--shots DIR]`; DIR gets a picture of every screen in both languages and themes.
import { chromium } from 'playwright-core';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeToken, startMock } from './mock-gateway.mjs';
import { callPage, consolePage, patientPage, resumePage } from './pages-cases.mjs';
import { audiencePage } from './audience-cases.mjs';
import { masksPage } from './masks-cases.mjs';
import { recordPage } from './record-cases.mjs';
import { theatrePage } from './theatre-cases.mjs';

const axeSource = readFileSync(fileURLToPath(new URL('../node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');
const shots = process.argv.includes('--shots') ? process.argv[process.argv.indexOf('--shots') + 1] : null;
const only = process.env.ONLY; // one of the cases
if (shots) mkdirSync(shots, { recursive: true });

const ARGS = [
	'--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run',
	'--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required',
	'--disable-features=WebRtcHideLocalIpsWithMdns', '--allow-loopback-in-peer-connection',
];
const PHONE = { width: 360, height: 640 };
const DESK = { width: 1280, height: 800 };
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', ...ARGS] });
const mock = await startMock();
let checks = 0;
const failures = [];

export const kit = {
	mock,
	makeToken,
	PHONE,
	DESK,
	check(what, ok) {
		checks++;
		if (!ok) failures.push(what);
		console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}`);
	},
	/** A fresh browser profile. A page error or a refusal by the Content-Security-Policy fails the run. */
	async page(viewport, { locale = 'zh-CN', colorScheme = 'light', mobile = viewport === PHONE, permissions } = {}) {
		const context = await browser.newContext({
			viewport, locale, colorScheme, isMobile: mobile, hasTouch: mobile, deviceScaleFactor: mobile ? 2 : 1,
			permissions: permissions ?? ['camera', 'microphone', 'clipboard-read', 'clipboard-write'],
			userAgent: mobile ? PHONE_UA : undefined,
		});
		const page = await context.newPage();
		page.on('pageerror', (error) => failures.push(`page error: ${error.message}`));
		page.on('console', (m) => {
			if (/Content.Security.Policy/i.test(m.text())) failures.push(`CSP: ${m.text()}`);
			if (process.env.VERBOSE) console.log('   ', m.text());
		});
		page.close2 = () => context.close();
		return page;
	},
	/** axe, and a picture when wanted. */
	async look(page, name) {
		if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
		await page.evaluate(axeSource);
		const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
		for (const v of result.violations) {
			console.log(`     ${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`);
			console.log(`     ${v.nodes[0].failureSummary.replace(/\n/g, ' ')}`);
		}
		// A phone that is emulated makes its window as wide as what sticks out.
		const wide = await page.evaluate((width) => document.documentElement.scrollWidth > Math.min(innerWidth, width) + 1, page.viewportSize().width);
		kit.check(`${name}: axe finds nothing`, result.violations.length === 0);
		kit.check(`${name}: nothing sticks out sideways`, !wide);
	},
	/** Buttons smaller than a finger. */
	async fingers(page, name) {
		const small = await page.evaluate(() =>
			[...document.querySelectorAll('button')]
				.filter((b) => b.offsetParent && (b.offsetWidth < 44 || b.offsetHeight < 44))
				.map((b) => `${b.dataset.testid ?? b.textContent} ${b.offsetWidth}x${b.offsetHeight}`),
		);
		kit.check(`${name}: every button is at least 44 px (${small.join(', ')})`, small.length === 0);
	},
};
const PHONE_UA =
	'Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36';

try {
	const media = await (await browser.newContext()).newPage();
	await media.goto(`${mock.url}/__media`);
	for (let i = 0; i < 50 && !mock.media; i++) await new Promise((r) => setTimeout(r, 100));
	for (const run of [patientPage, callPage, recordPage, consolePage, resumePage, audiencePage, masksPage, theatrePage].filter((f) => !only || f.name === only)) await run(kit);
} catch (error) {
	failures.push(error.stack);
} finally {
	await browser.close();
	mock.close();
}
console.log(`${checks} checks, ${failures.length} failures`);
for (const f of failures) console.log(`  ${f}`);
process.exit(failures.length ? 1 : 0);
