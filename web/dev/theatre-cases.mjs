// The console's cameras and encoders, device profiles, and the end of what viewers said.
import { someSources } from './mock-theatre.mjs';

const id = (name) => `[data-testid="${name}"]`;
const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'light' },
	{ viewport: 'PHONE', locale: 'en-US', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];
const nameOf = (look) => `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}-${look.colorScheme}`;

export async function theatrePage(kit) {
	for (const look of LOOKS) {
		const name = nameOf(look);
		const consult = kit.mock.open(`theatre-${name}`, '腹腔镜手术示教');
		consult.sources = someSources();
		consult.bot({ sub: 'obs', name: 'OBS 示教室', role: 'theatre' }, []);
		const page = await kit.page(kit[look.viewport], look);
		await page.goto(`${kit.mock.url}/console#token=${kit.makeToken({ sub: 'admin', name: '李护士长', role: 'admin' })}`);
		await page.click(`${id('consult-item')}[data-consult="${consult.id}"]`);
		await page.waitForSelector(`${id('source')}[data-source="obs"]`);
		const small = consult.sources.filter((s) => s.thumbnail_ms).length; // once all have come that are to be had
		await page.waitForFunction(([at, n]) => document.querySelectorAll(at).length === n, [id('source-thumb'), small]);
		await page.evaluate((at) => document.querySelector(at).scrollIntoView(), id('sources'));
		kit.check(`${name}: what may tell who the patient is has no picture`, (await page.locator(`${id('source')}[data-source="us"] img`).count()) === 0);
		await kit.look(page, `sources-${name}`);
		if (look.viewport === 'PHONE') await kit.fingers(page, `sources-${name}`);
		if (look.locale === 'en-US') await change(kit, page, consult, name);
		await devices(kit, page, name, look.locale === 'en-US');
		await page.close2();
		consult.close();
	}
}

const count = (page) => page.locator(id('source')).count();

async function change(kit, page, consult, name) {
	await page.click(id('source-add'));
	await page.fill(id('source-name'), 'OR 3');
	await page.selectOption(id('source-kind'), 'endoscope');
	await page.fill(id('source-url'), 'http://10.0.0.3');
	await page.click(id('source-save'));
	await page.waitForSelector(`${id('source-problem')}:not(:empty)`);
	await page.fill(id('source-url'), 'rtsp://user:secret@10.0.0.3/cam');
	await kit.look(page, `source-form-${name}`);
	const before = await count(page);
	await page.click(id('source-save'));
	await page.waitForFunction(([at, n]) => document.querySelectorAll(at).length === n + 1, [id('source'), before]);
	const made = consult.sources.at(-1);
	kit.check(`${name}: a camera is added, its password is not shown`, made.kind === 'endoscope' && !(await page.textContent(id('sources'))).includes('secret'));
	const card = `${id('source')}[data-source="${made.id}"]`;
	await page.click(`${card} ${id('source-edit')}`);
	await page.fill(id('source-name'), 'OR 4');
	await page.click(id('source-save'));
	await page.waitForFunction((at) => document.querySelector(at)?.textContent.includes('OR 4'), `${card} .source-name`);
	kit.check(`${name}: what was not changed is not said`, made.url === 'rtsp://***@10.0.0.3/cam');
	await page.click(`${card} ${id('source-switch')}`);
	await page.waitForSelector(`${card}[data-state="off"]`);
	await page.click(`${card} ${id('source-remove')}`);
	await page.click(id('confirm-yes'));
	await page.waitForSelector(card, { state: 'detached' });
	await page.click(id('source-add'));
	await page.selectOption(id('source-way'), 'whip');
	await page.click(id('source-save'));
	await page.waitForSelector(id('source-access'));
	const [url, token] = await page.locator(`${id('source-access')} input`).evaluateAll((list) => list.map((e) => e.value));
	kit.check(`${name}: an encoder is told where to, and with what`, url.endsWith(`/whip/${consult.id}`) && token.split('.').length === 3);
	await kit.look(page, `source-access-${name}`);
	await page.click(id('source-access-done'));
	await page.click(id('audience-delete'));
	await page.click(id('confirm-yes'));
	await page.waitForSelector(`${id('audience-deleted')}:not(:empty)`);
	kit.check(`${name}: what viewers said is deleted`, (await page.textContent(id('audience-deleted'))).includes('7'));
}

async function devices(kit, page, name, thorough) {
	await page.click(id('section-devices'));
	await page.waitForSelector(`${id('device')}[data-profile="us-x"]`);
	if (!thorough) return kit.look(page, `devices-${name}`);
	await page.click(id('device-add'));
	await page.fill(id('device-name'), 'Ultra Sound 7');
	if (name.startsWith('phone')) await kit.fingers(page, `devices-${name}`);
	await page.click(id('device-mask-add'));
	await page.locator(id('mask')).focus();
	await page.keyboard.press('ArrowRight');
	await kit.look(page, `devices-${name}`);
	await page.click(id('device-save'));
	const made = `${id('device')}[data-profile="ultra-sound-7"]`;
	await page.waitForSelector(made);
	await page.click(`${made} ${id('device-edit')}`);
	await page.fill(id('device-name'), 'Ultra 8');
	await page.click(id('device-save'));
	await page.waitForFunction((at) => document.querySelector(at)?.textContent.includes('Ultra 8'), made);
	await page.click(`${made} ${id('device-remove')}`);
	await page.click(id('confirm-yes'));
	await page.waitForSelector(made, { state: 'detached' });
	kit.check(`${name}: a device is added, changed and removed`, (await page.locator(id('device')).count()) === 1);
}
