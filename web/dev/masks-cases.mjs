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
		consult.bot({ sub: 'or1', name: '手术室一', role: 'clinic' }, ['camera']);
		const page = await kit.page(kit[look.viewport], look);
		const link = kit.mock.link(consult.id, 'director', '导播');
		await page.goto(`${kit.mock.url}/j/${link.code}`);
		await page.click(id('join-button'));
		await page.click(id('enter-button'));
		await page.waitForSelector(id('direct-bar'));
		const needed = page.locator(`${id('direct-mask')}[data-state="needed"]`);
		await kit.comes(`${name}: an ultrasound needs masks`, () => needed.count(), (n) => n === 1);
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
		await together(kit, page, consult, name);
		await page.close2();
		consult.remove(link.sub);
	}
}

// Two sources in one picture: those that may be shown, in the order of their picking.
async function together(kit, page, consult, name) {
	consult.broadcast.sources.push({ participant: 'or3', source: 'camera' }, { participant: 'or4', source: 'ultrasound' });
	consult.push();
	await page.locator(`${id('masks-panel')} button`).first().click(); // it covers a phone's desk
	await page.click(id('direct-together'));
	const source = page.locator(id('together-source'));
	await page.waitForFunction((at) => document.querySelectorAll(at).length === 4, id('together-source'));
	kit.check(`${name}: what needs masks is not to be had`, await source.nth(3).isDisabled());
	const first = await source.nth(0).getAttribute('aria-pressed');
	kit.check(`${name}: what is on the air is picked already, and is not enough`, first === 'true' && (await page.locator(id('together-show')).isDisabled()));
	await source.nth(0).click();
	await source.nth(2).click();
	await source.nth(0).click();
	await page.check(id('together-pip'));
	await kit.look(page, `together-${name}`);
	await kit.fingers(page, `together-${name}`);
	await page.click(id('together-show'));
	await page.waitForSelector(`${id('together-now')}[data-count="2"]`);
	const { on_air: air, layout, beside } = consult.broadcast;
	kit.check(`${name}: they are on the air in that order`, air.participant === 'or3' && layout === 'pip' && beside.length === 1 && beside[0].participant === 'or1');
	await page.locator(id('direct-source')).first().click();
	await page.waitForSelector(`${id('together-now')}[data-count="1"]`);
	const pressed = () => page.locator(id('direct-source')).first().getAttribute('aria-pressed');
	await kit.comes(`${name}: and one alone again`, pressed, (is) => !consult.broadcast.beside && is === 'true');
	await page.click(id('direct-together'));
}

const regions = (page) => page.locator(id('mask')).evaluateAll((list) => list.map((e) => [e.style.left, e.style.top, e.style.width, e.style.height].map(parseFloat)));

/** Where the picture is once it has its shape and nothing above it comes or goes any more. */
async function settled(page) {
	const look = () =>
		page.evaluate((at) => {
			const box = document.querySelector(at);
			const video = box.querySelector('video');
			const { x, y, width, height } = box.getBoundingClientRect();
			return { x, y, width, height, ready: video?.videoWidth > 0 && Math.abs(width / height - video.videoWidth / video.videoHeight) < 0.02 };
		}, id('masks-picture'));
	let before = await look();
	for (let same = 0, tries = 0; same < 2 && tries < 150; tries++) {
		await page.waitForTimeout(200);
		const now = await look();
		same = now.ready && JSON.stringify(now) === JSON.stringify(before) ? same + 1 : 0;
		before = now;
	}
	return before;
}

/** As it happens: the camera turns, and a banner comes above. Given back by the same with false. */
function upset(page, on) {
	return page.evaluate(([at, yes]) => {
		const video = document.querySelector(`${at} video`);
		const { get } = Object.getOwnPropertyDescriptor(HTMLVideoElement.prototype, 'videoHeight');
		// Of what comes now: a busy machine sends it smaller, or larger again.
		if (yes) Object.defineProperty(video, 'videoHeight', { get: () => get.call(video) * 2, configurable: true });
		else delete video.videoHeight;
		video.dispatchEvent(new Event('resize'));
		document.querySelector('.call-banners').style.paddingTop = yes ? '40px' : '';
		return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(document.querySelector(at).offsetHeight))));
	}, [id('masks-picture'), on]);
}

async function dragged(page, from, to, halfway = () => undefined) {
	const box = await settled(page);
	const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
	await page.mouse.move(...at(...from));
	await page.mouse.down();
	await page.mouse.move(...at((from[0] + to[0]) / 2, (from[1] + to[1]) / 2), { steps: 2 });
	await halfway(box);
	await page.mouse.move(...at(...to), { steps: 2 });
	await page.mouse.up();
}

async function draw(kit, page, name) {
	let held = 0;
	await dragged(page, [0.1, 0.1], [0.5, 0.4], async (box) => {
		held = (await upset(page, true)) / box.height;
	});
	await page.waitForSelector(id('mask'));
	const [first] = await regions(page);
	kit.check(`${name}: a mask is where it was drawn, whatever moved (${first})`, Math.abs(first[0] - 10) < 2 && Math.abs(first[2] - 40) < 2 && Math.abs(first[3] - 30) < 3);
	kit.check(`${name}: a picture that turns waits for the finger (${held})`, Math.abs(held - 1) < 0.02);
	const turned = await page.locator(id('masks-picture')).evaluate((box) => box.offsetHeight / box.offsetWidth);
	await upset(page, false);
	const back = await settled(page);
	kit.check(`${name}: and turns then (${turned})`, Math.abs(turned / (back.height / back.width) - 2) < 0.1);
	await dragged(page, [0.3, 0.25], [2, 2]);
	await kit.frames(page);
	const [moved] = await regions(page);
	kit.check(`${name}: it is moved, and stays inside (${moved})`, Math.abs(moved[0] + moved[2] - 100) < 0.1 && Math.abs(moved[1] + moved[3] - 100) < 0.1 && Math.abs(moved[2] - first[2]) < 0.1);
	await dragged(page, [0.9, 0.9], [0.91, 0.9]);
	await kit.frames(page);
	kit.check(`${name}: a press on it is none beside it`, (await regions(page)).length === 1);
}

/** One more; the last of them is it once it is there. */
async function add(page, count) {
	await page.click(id('masks-add'));
	await page.waitForFunction(([at, n]) => document.querySelectorAll(at).length === n, [id('mask'), count]);
}

async function keys(kit, page, name) {
	await add(page, 2);
	const mask = page.locator(id('mask')).last();
	await mask.focus();
	const before = (await regions(page)).at(-1);
	await page.keyboard.press('ArrowRight');
	await page.keyboard.press('Shift+ArrowDown');
	const drawn = async () => (await regions(page)).at(-1);
	await kit.comes(`${name}: keys move and resize it`, drawn, (after) => Math.abs(after[0] - before[0] - 1) < 0.1 && Math.abs(after[3] - before[3] - 1) < 0.1);
	await add(page, 3);
	await page.locator(id('mask')).last().focus();
	await page.keyboard.press('Delete');
	await kit.comes(`${name}: and remove it`, async () => (await regions(page)).length, (n) => n === 2);
}
