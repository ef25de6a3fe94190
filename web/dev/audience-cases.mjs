// The audience of a broadcast: the watch page before it begins and while it is cut, and the desk.
const id = (name) => `[data-testid="${name}"]`;
const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'light' },
	{ viewport: 'PHONE', locale: 'en-US', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];
const nameOf = (look) => `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}-${look.colorScheme}`;
const TEXT = '请问这一步为什么不用可吸收线？术后多久可以拔管，患者需要注意什么？';

function feed() {
	const item = (n, part) => ({ id: String(n), kind: 'question', state: 'approved', name: '', text: TEXT, time_ms: Date.now(), ...part });
	return {
		state: 'ready', title: '腹腔镜手术示教', text: '', began: false, viewers: 128, cursor: '1.1', reset: true, poll_ms: 3000,
		poster: { text: '张教授团队，手术室二', image: 0, starts_ms: Date.now() + 754_000 }, questions: true, chat: 'moderated', slow_s: 0,
		items: [item(1, { state: 'answered', name: '昆明观众', answer: '因为张力较大。', role: 'director' }), item(2, { state: 'answering' }), item(3, { kind: 'chat' })],
	};
}

export async function audiencePage(kit) {
	kit.mock.feeds = new Map([['show', feed()]]);
	for (const look of LOOKS) await watch(kit, look, nameOf(look));
	await desk(kit);
	kit.mock.feeds = undefined;
}

async function watch(kit, look, name) {
	const page = await kit.page(kit[look.viewport], look);
	await page.goto(`${kit.mock.url}/watch/show#token=x`);
	await page.waitForSelector(id('watch-starts'));
	await page.waitForSelector(id('watch-item'));
	const signed = (text) => text.includes(look.locale === 'zh-CN' ? '回答（' : 'Answer (');
	await kit.comes(`${name}: an answer is signed by a role`, () => page.textContent(id('watch-side')), signed);
	await kit.look(page, `watch-before-${name}`);
	if (look.viewport === 'PHONE') await kit.fingers(page, `watch-before-${name}`);
	await page.fill(id('watch-input'), TEXT);
	await page.click(id('watch-send'));
	await page.waitForSelector(id('watch-own'));
	await kit.look(page, `watch-asked-${name}`);
	await page.close2();
}

async function desk(kit) {
	const consult = kit.mock.open('show', '手术示教');
	const message = (n, part) => ({ id: String(n), kind: 'question', state: 'waiting', name: '昆明观众', text: TEXT, time_ms: Date.now(), answer: '', sender: 'v1', ...part });
	consult.audience = [message(1, {}), message(2, { state: 'answering', name: '' }), message(3, { kind: 'chat', text: '<b>hello</b>' })];
	consult.broadcast = {
		state: 'live', title: '腹腔镜手术示教', text: '张教授 · 手术室二', text_shown: true, past: ['李教授'], delay_s: 10, voices: [], viewers: 128, since_ms: 1, cut: null,
		sources: [{ participant: 'or1', source: 'camera' }, { participant: 'or2', source: 'endoscope' }], on_air: { participant: 'or1', source: 'camera' },
		audience: { questions: true, chat: 'moderated', slow_s: 10, count: true, starts_ms: Date.now(), poster: '稍后开始', image: true, peak: 150, waiting: 2, dropped: 3 },
	};
	for (const look of LOOKS) {
		const name = nameOf(look);
		const page = await kit.page(kit[look.viewport], look);
		const link = kit.mock.link('show', 'director', '导播');
		await page.goto(`${kit.mock.url}/j/${link.code}`);
		await page.click(id('join-button'));
		await page.click(id('enter-button'));
		await page.waitForSelector(id('direct-bar'));
		await kit.look(page, `desk-${name}`);
		await page.click(id('direct-audience'));
		await page.waitForSelector(id('desk-message'));
		kit.check(`${name}: what viewers write is text`, (await page.locator(`${id('audience-panel')} b`).count()) === 0);
		await kit.look(page, `desk-audience-${name}`);
		await targets(kit, page, name);
		consult.broadcast.targets = [];
		await page.close2();
		consult.remove(link.sub);
	}
}

// Where it is sent on to: added, told, stopped, removed; the key is typed and gone.
async function targets(kit, page, name) {
	await page.fill(id('target-url'), 'http://example.org/live');
	await page.fill(id('target-key'), 'geheim');
	await page.click(id('target-add'));
	await page.fill(id('target-url'), 'rtmp://live.example.org/app');
	await page.click(id('target-add'));
	await page.waitForSelector(`${id('target')}[data-state="refused"]`);
	const shown = (await page.content()).includes('geheim');
	await kit.comes(`${name}: the key is not shown`, () => page.inputValue(id('target-key')), (typed) => !shown && typed === '');
	await kit.look(page, `desk-targets-${name}`);
	await page.click(id('target-switch'));
	await page.waitForSelector(`${id('target')}[data-state="stopped"]`);
	await page.click(id('target-remove'));
	await page.waitForSelector(id('target'), { state: 'detached' });
}
