// The pages in a real Chromium against the mock gateway: the patient's way in, the doctor's console, axe on every screen.
// `[HALF=0|1] [ONLY=callPage] node dev/pages-test.mjs [--shots DIR]`; DIR gets a picture of every screen in both languages and themes.
import { chromium } from 'playwright-core';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeToken, startMock } from './mock-gateway.mjs';
import { callPage, consolePage, patientPage, resumePage } from './pages-cases.mjs';
import { audiencePage } from './audience-cases.mjs';
import { checkPage, entryPage, saidPage } from './entry-cases.mjs';
import { masksPage } from './masks-cases.mjs';
import { recordPage } from './record-cases.mjs';
import { slowPage } from './slow-cases.mjs';
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
const pages = new Set(); // that are open
const WAIT_MS = 15_000;

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
	/** A check of what comes by itself: looked at until it is good. What never becomes so says what it was at last. */
	async comes(what, look, good = Boolean) {
		const end = Date.now() + WAIT_MS;
		let seen = await look();
		while (!good(seen) && Date.now() < end) {
			await new Promise((r) => setTimeout(r, 50));
			seen = await look();
		}
		kit.check(good(seen) ? what : `${what}: at last ${JSON.stringify(seen)}`, good(seen));
	},
	/** Two pictures later: what was under way has been drawn. */
	frames: (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))),
	/** A fresh browser profile. A page error or a refusal by the Content-Security-Policy fails the run. */
	async page(viewport, { locale = 'zh-CN', colorScheme = 'light', mobile = viewport === PHONE, permissions } = {}) {
		const context = await browser.newContext({
			viewport, locale, colorScheme, isMobile: mobile, hasTouch: mobile, deviceScaleFactor: mobile ? 2 : 1,
			permissions: permissions ?? ['camera', 'microphone', 'clipboard-read', 'clipboard-write'],
			userAgent: mobile ? PHONE_UA : undefined,
		});
		const page = await context.newPage();
		const fault = (what) => {
			failures.push(what);
			console.log(`FAIL ${what}`);
		};
		page.on('pageerror', (error) => fault(`page error: ${page.url()}: ${error.stack ?? error.message}`));
		page.on('crash', () => fault(`the browser's page died: ${page.url()}`));
		page.on('console', (m) => {
			if (/Content.Security.Policy/i.test(m.text())) fault(`CSP: ${page.url()}: ${m.text()}`);
			if (process.env.VERBOSE) console.log('   ', m.text());
		});
		// How a slow phone is: THROTTLE=6 node dev/pages-test.mjs
		if (process.env.THROTTLE) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: Number(process.env.THROTTLE) });
		pages.add(page);
		page.close2 = () => [pages.delete(page), context.close()][1];
		return page;
	},
	/** axe, and a picture when wanted. */
	async look(page, name) {
		// A button whose colour is on its way from one to the other has neither.
		await page.waitForFunction(() => document.getAnimations().every((a) => !(a instanceof CSSTransition) || a.playState === 'finished'), null, { timeout: WAIT_MS });
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

/** What a page shows, for who reads that something never came. */
async function seen(page) {
	const ids = await page.evaluate(() => [...document.querySelectorAll('[data-testid]')].map((e) => e.dataset.testid + (e.dataset.state ? `=${e.dataset.state}` : ''))).catch((error) => [error.message]);
	const text = await page.evaluate(() => document.body.innerText.replace(/\s+/g, ' ').slice(0, 200)).catch(() => '');
	return `${new URL(page.url()).pathname}: ${[...new Set(ids)].join(' ').slice(0, 600)}: ${text}`;
}

/** One case. What is thrown fails it, and the others go on. */
async function perform(run) {
	const began = Date.now();
	try {
		await run(kit);
	} catch (error) {
		const shown = await Promise.all([...pages].map(seen));
		const what = `${run.name}: ${error.stack}\n${shown.map((s) => `    there was ${s}`).join('\n')}`;
		checks++;
		failures.push(what);
		console.log(`FAIL ${what}`);
	}
	for (const page of pages) await page.close2().catch(() => undefined);
	console.log(`-- ${run.name}: ${Math.round((Date.now() - began) / 1000)} s`);
}

const HALVES = [[callPage, recordPage, entryPage], [checkPage, saidPage, patientPage, consolePage, slowPage, resumePage, audiencePage, masksPage, theatrePage]]; // of about a length
const cases = HALVES.filter((_, i) => !process.env.HALF || String(i) === process.env.HALF).flat();
try {
	const media = await (await browser.newContext()).newPage();
	await media.goto(`${mock.url}/__media`);
	for (const end = Date.now() + WAIT_MS; !mock.media && Date.now() < end; ) await new Promise((r) => setTimeout(r, 50));
	if (!mock.media) throw new Error('the page that makes pictures and sound did not come');
	for (const run of cases.filter((f) => !only || f.name === only)) await perform(run);
} catch (error) {
	failures.push(error.stack);
} finally {
	await browser.close();
	mock.close();
}
console.log(`${checks} checks, ${failures.length} failures`);
for (const f of failures) console.log(`  ${f}`);
process.exit(failures.length ? 1 : 0);
