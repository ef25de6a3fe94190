// Whose consult a tab is in, what stays of it, and what is said on the way: nobody gets into another's, no camera stays on unseen.
const id = (name) => `[data-testid="${name}"]`;
const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'light' },
	{ viewport: 'PHONE', locale: 'en-US', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];
const nameOf = (look) => `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}-${look.colorScheme}`;
const focused = (page) => page.evaluate(() => document.activeElement?.tagName);
const microphone = (page) =>
	page.evaluate(() => {
		const mic = window.huizhen?.consult?.localTrack('microphone');
		return mic?.mediaStreamTrack ? { muted: mic.muted, sends: mic.mediaStreamTrack.enabled } : null;
	});

export async function entryPage(kit) {
	await otherPatient(kit);
	await tokens(kit);
	await unreachable(kit);
}

async function goIn(page) {
	await page.click(id('join-button'));
	await page.click(id('enter-button'));
	await page.waitForSelector(id('call'));
}
const title = (page) => page.textContent('.call-title');

/** A records system opens one patient after the other in the same tab. */
async function otherPatient(kit) {
	const consults = ['甲', '乙', '丙'].map((name, i) => kit.mock.open(`turn${i}`, `患者${name}`));
	const link = (i, more = {}) => `${kit.mock.url}/join#token=${kit.makeToken({ sub: 'dr-li', name: '李医生', role: 'clinic', consult: `turn${i}`, ...more })}`;
	const page = await kit.page(kit.DESK);
	await page.goto(link(0));
	await goIn(page);
	await page.goto('about:blank');
	await page.goto(link(1));
	await page.waitForSelector(id('join-button'));
	kit.check("entry: another patient's link does not lead back into the consult of before", (await page.evaluate(() => window.huizhen.consult)) === null);
	kit.check('entry: its token leaves the address bar', !page.url().includes('token'));
	await goIn(page);
	kit.check('entry: it leads to its own consult', (await title(page)) === '患者乙');
	await page.reload();
	await page.waitForSelector(id('call'));
	kit.check('entry: so does a reload', (await title(page)) === '患者乙');

	await muted(kit, page, consults[1]);
	await page.evaluate(() => (window.before = window.huizhen.consult));
	await page.goto(link(1, { iat: 1 }));
	await kit.comes('entry: the same link again changes nothing', () => page.evaluate(() => window.before === window.huizhen.consult && location.hash), (hash) => hash === '');
	await page.goto(link(2));
	await page.waitForSelector(id('join-button'));
	await kit.comes('entry: a link of another patient that changes the fragment only leads out of the consult', () => page.url(), (url) => !url.includes('token'));
	await goIn(page);
	kit.check('entry: and into its own', (await title(page)) === '患者丙');
	await page.click(id('btn-leave'));
	await page.waitForSelector(id('left'));
	kit.check('entry: what is said at the end has the focus', (await focused(page)) === 'H1');
	await page.goto(link(0));
	await page.waitForSelector(id('join-button'));
	await goIn(page);
	kit.check('entry: a link opened after the end is not that of the one that ended', (await title(page)) === '患者甲');
	await page.close2();
	for (const consult of consults) consult.close();
}

/** Off stays off, whoever switched it off; on stays on. */
async function muted(kit, page, consult) {
	const again = async () => {
		await page.reload();
		await page.waitForSelector(id('call'));
	};
	const is = (wanted) => (mic) => mic?.muted === wanted && mic.sends === !wanted;
	await kit.comes('entry: a microphone that was on is on after a reload', () => microphone(page), is(false));
	await page.click(id('btn-mic'));
	await kit.comes('entry: a microphone is switched off', () => microphone(page), is(true));
	await again();
	await kit.comes('entry: it is off after a reload', () => microphone(page), is(true));
	const track = () => consult.people().find((p) => p.id === 'dr-li')?.tracks.find((t) => t.source === 'microphone');
	await kit.comes('entry: and the others are told so', () => track()?.muted);
	await page.click(id('btn-mic'));
	await kit.comes('entry: it is switched on again', async () => track()?.muted === false && (await microphone(page)), is(false));
	track().muted = true; // a host does
	consult.push();
	await kit.comes('entry: a host switches it off', () => microphone(page), is(true));
	await again();
	await kit.comes('entry: it is off after a reload, too', () => microphone(page), is(true));
}

const stored = (page) => page.evaluate(() => Object.keys(sessionStorage).filter((key) => sessionStorage.getItem(key).split('.').length > 2 || key.startsWith('huizhen.resume.')));

/** Nothing of a token is left in the address, its history, or of a session behind it. */
async function tokens(kit) {
	const consult = kit.mock.open('keys', '会诊');
	const page = await kit.page(kit.DESK);
	const seen = [];
	page.on('framenavigated', (frame) => seen.push(frame.url()));
	const staff = kit.mock.link(null, 'clinic', '李医生');
	await page.goto(`${kit.mock.url}/j/${staff.code}`);
	await page.click(id('join-button'));
	await page.waitForSelector(id('sign-out'));
	const viewer = kit.mock.link('keys', 'viewer', '观众');
	await page.click(`${id('consult-item')}[data-consult="keys"]`);
	await page.click(id('enter-consult'));
	await page.waitForSelector(id('call'));
	kit.check('tokens: there is one while one is inside', (await stored(page)).includes('console.keys.token'));
	await page.click(id('btn-leave'));
	await page.waitForSelector(id('sign-out'));
	kit.check(`tokens: none of the consult after it (${await stored(page)})`, (await stored(page)).every((key) => !key.includes('keys')));
	await page.click(`${id('consult-item')}[data-consult="keys"]`);
	await page.click(id('enter-consult')); // and lost in the middle of it
	await page.waitForSelector(id('call'));
	await page.goto(`${kit.mock.url}/j/${viewer.code}`);
	await page.click(id('join-button'));
	await page.waitForSelector(id('watch-state'));
	kit.check(`tokens: links hand them over out of the address (${seen.filter((url) => url.includes('token'))})`, seen.some((url) => url.includes('/watch/')) && !seen.some((url) => url.includes('token')));
	await page.evaluate(() => sessionStorage.removeItem('huizhen.console.inside'));
	await page.goto(`${kit.mock.url}/console`);
	await page.click(id('sign-out'));
	await page.waitForSelector(id('sign-in'));
	kit.check(`tokens: none after signing out (${await stored(page)})`, (await stored(page)).length === 0);
	await page.close2();
	consult.close();
}

/** The gateway lets nobody in, or no socket comes through: said after a while, with a way back; it goes on by itself meanwhile. */
async function unreachable(kit) {
	const consult = kit.mock.open('full', '远程会诊');
	const joining = async (viewport, sub) => {
		const page = await kit.page(kit[viewport]);
		await page.goto(`${kit.mock.url}/join#token=${kit.makeToken({ sub, name: '王小明', role: 'expert', consult: 'full' })}`);
		await page.click(id('join-button'));
		await page.waitForFunction(() => document.querySelector('[data-testid="device-video"]')?.videoWidth > 0);
		return page;
	};
	const desk = await kit.page(kit.DESK);
	await desk.goto(`${kit.mock.url}/console#token=${kit.makeToken({ sub: 'admin', name: '李护士长', role: 'admin' })}`);
	await desk.click(`${id('consult-item')}[data-consult="full"]`);
	const [phone, patient] = [await joining('PHONE', 'p1'), await joining('DESK', 'p2')];
	kit.mock.full = true;
	await phone.evaluate(() => {
		const stop = MediaStreamTrack.prototype.stop;
		MediaStreamTrack.prototype.stop = function () {
			sessionStorage.setItem('stopped', Number(sessionStorage.getItem('stopped')) + 1);
			stop.call(this);
		};
	});
	await phone.click(id('enter-button'));
	await patient.click(id('enter-button'));
	await desk.click(id('enter-consult'));
	for (const [page, name] of [[phone, 'join-slow-phone'], [patient, 'join-slow-desk'], [desk, 'console-slow-desk']]) {
		await page.waitForSelector(id('join-slow'));
		if (page !== desk) kit.check(`${name}: what is said has the focus`, (await focused(page)) === 'H1');
		await kit.look(page, `${name}-zh-light`);
		await page.emulateMedia({ colorScheme: 'dark' });
		await page.click(id('language-switch'));
		await kit.look(page, `${name}-en-dark`);
	}
	await kit.fingers(phone, 'join-slow-phone');
	await desk.setViewportSize(kit.PHONE);
	await desk.evaluate(() => document.querySelector('[data-testid="join-slow"]').scrollIntoView({ block: 'center' }));
	await kit.look(desk, 'console-slow-phone-en-dark');
	await phone.click(id('join-give-up'));
	await phone.waitForSelector(id('join-button'));
	kit.check('join slow: back at the beginning, camera and microphone closed', (await phone.evaluate(() => sessionStorage.getItem('stopped'))) === '2');
	await desk.click(id('join-give-up'));
	await desk.waitForFunction(() => document.querySelector('[data-testid="consult-item"]') && !document.querySelector('[data-testid="join-slow"]'));
	await desk.click(`${id('consult-item')}[data-consult="full"]`);
	kit.check('console slow: back at the console', await desk.isEnabled(id('enter-consult')));
	kit.mock.full = false;
	await patient.waitForSelector(id('call'));
	await kit.comes('join slow: who waits is let in in the end, with the devices of the check', () => microphone(patient), (mic) => mic?.sends === true);
	for (const page of [phone, patient, desk]) await page.close2();
	consult.close();
}

/** Cameras that take their time, and who taps again meanwhile. What opens is noted in the page. */
function slowDevices(ms) {
	window.opened = [];
	window.asked = 0;
	const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
	navigator.mediaDevices.getUserMedia = async (wanted) => {
		window.asked++;
		if (wanted.video && !wanted.audio) await new Promise((done) => setTimeout(done, ms));
		const stream = await ask(wanted);
		window.opened.push(...stream.getTracks());
		window.asked--;
		return stream;
	};
}
const live = (page) =>
	page.evaluate(() => (window.asked ? 'asked' : window.opened.filter((t) => t.readyState === 'live').map((t) => t.kind).sort().join()));

export async function checkPage(kit) {
	const consult = kit.mock.open('taps', '远程会诊');
	const open = async () => {
		const page = await kit.page(kit.PHONE);
		await page.addInitScript(slowDevices, 400);
		await page.goto(`${kit.mock.url}/j/${kit.mock.link('taps', 'patient', '王小明').code}`);
		await page.click(id('join-button'));
		await page.waitForSelector(id('check-flip'));
		return page;
	};
	const offAndOn = '.camera-buttons button[aria-pressed]';
	const tap = (page, selectors) => page.evaluate(async (list) => {
		for (const selector of list) {
			document.querySelector(selector).click();
			await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
		}
	}, selectors);

	let page = await open();
	await tap(page, [id('check-flip'), id('enter-button')]);
	await page.waitForSelector(id('waiting-room'));
	await kit.comes('check: who enters while the other camera opens has one camera open, the one that is sent', () => live(page), (what) => what === 'audio,video');
	kit.check('check: it is the one that was chosen', await page.evaluate(() => window.huizhen.consult.localTrack('camera').mediaStreamTrack?.readyState === 'live'));
	await page.close2();

	page = await open();
	await tap(page, [id('check-flip'), offAndOn]);
	await kit.comes('check: switched off while the other one opens, it is off', () => live(page), (what) => what === 'audio');
	await page.waitForTimeout(500);
	kit.check('check: and stays off', (await live(page)) === 'audio' && (await page.evaluate(() => document.querySelector('[data-testid="device-video"]').srcObject === null)));
	await tap(page, [offAndOn, id('enter-button')]);
	await page.waitForSelector(id('waiting-room'));
	await kit.comes('check: who switches it on and enters at once has it on', () => live(page), (what) => what === 'audio,video');
	await page.close2();

	page = await open();
	await tap(page, [id('check-flip'), id('check-flip')]);
	await kit.comes('check: two flips leave one camera open', () => live(page), (what) => what === 'audio,video');
	await page.waitForTimeout(500);
	kit.check('check: still one', (await live(page)) === 'audio,video');
	await page.close2();
	consult.close();
}

/** What went wrong or is asked is said where screen readers hear it. */
export async function saidPage(kit) {
	for (const look of LOOKS) await waitingAnswer(kit, look);
	const consult = kit.mock.open('said', '会诊');
	consult.picture = true;
	const page = await kit.page(kit.PHONE);
	await page.goto(`${kit.mock.url}/join#token=${kit.makeToken({ sub: 'e1', name: '陈教授', role: 'expert', consult: 'said' })}`);
	await goIn(page);
	const status = () => page.evaluate(() => document.querySelector('[data-testid="mix-offer-status"]')?.textContent);
	kit.check('said: the place of the question is there before it', (await status()) === '');
	consult.tell(consult.people()[0], 'mix.offer', {});
	await page.evaluate(() => window.huizhen.consult.mixed.picture(false));
	await page.waitForSelector(`${id('mix-offer-status')} ${id('mix-offer')}`);
	await kit.look(page, 'mix-offer-phone-zh-light');
	await page.goto(`${kit.mock.url}/j/nosuchcode`);
	await page.waitForSelector(id('problem'));
	kit.check('said: what is wrong with a link has the focus', (await focused(page)) === 'H1');
	await page.click(id('language-switch'));
	await kit.frames(page);
	kit.check('said: the language changes, and the focus stays on its button', (await focused(page)) === 'BUTTON');
	await page.close2();
	consult.close();
}

async function waitingAnswer(kit, look) {
	const name = nameOf(look);
	const key = `answer-${name}`;
	const consult = kit.mock.open(key, '远程会诊');
	Object.assign(consult, { wish: 'automatic', record: 'on', deaf: true });
	const page = await kit.page(kit[look.viewport], look);
	await page.goto(`${kit.mock.url}/j/${kit.mock.link(key, 'patient', '王小明').code}`);
	await page.click(id('join-button'));
	await page.click(id('consent-yes'));
	await page.click(id('enter-button'));
	await page.click(id('consent-withdraw'));
	const text = look.locale === 'zh-CN' ? '未能保存' : 'could not be saved';
	await kit.comes(`said ${name}: an answer that is lost in the waiting room is told`, () => page.locator(`${id('waiting-notice')}[role="alert"]`).textContent(), (said) => said.includes(text));
	await kit.look(page, `waiting-answer-${name}`);
	await page.close2();
	consult.close();
}
