// Masks at the desk: drawn with a mouse, a finger and keys, saved, and seen as they are painted.
const id = (name) => `[data-testid="${name}"]`;
const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];

function broadcast() {
	return {
		state: 'live', title: '腹腔镜手术示教', text: '', text_shown: true, past: [], delay_s: 10, voices: [], viewers: 12, since_ms: 1, cut: null, masked: 'open',
		sources: [{ participant: 'or1', source: 'camera' }, { participant: 'or2', source: 'ultrasound' }], on_air: { participant: 'or1', source: 'camera' }, masks: [],
	};
}

export async function masksPage(kit) {
	for (const look of LOOKS) {
		const name = `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}`;
		const consult = kit.mock.open(`masks-${name}`, '手术示教');
		consult.broadcast = broadcast();
		const page = await kit.page(kit[look.viewport], look);
		const link = kit.mock.link(consult.id, 'director', '导播');
		await page.goto(`${kit.mock.url}/j/${link.code}`);
		await page.click(id('join-button'));
		await page.click(id('enter-button'));
		await page.waitForSelector(id('direct-bar'));
		kit.check(`${name}: an ultrasound needs masks`, (await page.locator(`${id('direct-mask')}[data-state="needed"]`).count()) === 1);
		await page.click(id('direct-masks'));
		await page.waitForSelector(id('masks-picture'));
		await draw(kit, page, name);
		await keys(kit, page, name);
		await page.selectOption(id('masks-profile'), 'us-x');
		await page.waitForSelector(id('mask-device'), { state: 'attached' });
		kit.check(`${name}: a device's picture is never shown without`, await page.isChecked(id('masks-identified')));
		await kit.look(page, `masks-${name}`);
		await page.click(id('masks-save'));
		await page.waitForSelector(`${id('direct-mask')}[data-state="masked"]`);
		const saved = consult.broadcast.masks[0];
		kit.check(`${name}: what was drawn is what is said`, saved.masks.length === 2 && saved.profile === 'us-x' && saved.identified && saved.masks.every((m) => m.x >= 0 && m.x + m.w <= 1.0001));
		await page.waitForFunction((at) => document.querySelector(at).dataset.version !== '0', id('masks-now'));
		await page.close2();
		consult.remove(link.sub);
	}
}

const regions = (page) => page.locator(id('mask')).evaluateAll((list) => list.map((e) => [e.style.left, e.style.top, e.style.width, e.style.height].map(parseFloat)));

async function draw(kit, page, name) {
	const box = await page.locator(id('masks-picture')).boundingBox();
	const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
	const drag = async (from, to) => {
		await page.mouse.move(...at(...from));
		await page.mouse.down();
		await page.mouse.move(...at(...to), { steps: 4 });
		await page.mouse.up();
	};
	await drag([0.1, 0.1], [0.5, 0.4]);
	const [first] = await regions(page);
	kit.check(`${name}: a mask is where it was drawn (${first})`, Math.abs(first[0] - 10) < 2 && Math.abs(first[2] - 40) < 2 && Math.abs(first[3] - 30) < 3);
	await drag([0.3, 0.25], [2, 2]);
	const [moved] = await regions(page);
	kit.check(`${name}: it is moved, and stays inside (${moved})`, Math.abs(moved[0] + moved[2] - 100) < 0.1 && Math.abs(moved[1] + moved[3] - 100) < 0.1 && Math.abs(moved[2] - first[2]) < 0.1);
	await drag([0.9, 0.9], [0.91, 0.9]);
	kit.check(`${name}: a press on it is none beside it`, (await regions(page)).length === 1);
}

async function keys(kit, page, name) {
	await page.click(id('masks-add'));
	const mask = page.locator(id('mask')).last();
	await mask.focus();
	const before = (await regions(page)).at(-1);
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Shift+ArrowDown');
	const after = (await regions(page)).at(-1);
	kit.check(`${name}: keys move and resize it`, Math.abs(after[0] - before[0] - 1) < 0.1 && Math.abs(after[3] - before[3] - 1) < 0.1);
	await page.click(id('masks-add'));
	await page.locator(id('mask')).last().focus();
	await page.keyboard.press('Delete');
	kit.check(`${name}: and remove it`, (await regions(page)).length === 2);
}
