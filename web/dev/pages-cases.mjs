// What a patient, a doctor and a phone do to the pages.
const id = (name) => `[data-testid="${name}"]`;

/** Waits until `what` is true in the page. */
const until = (page, what, arg) => page.waitForFunction(what, arg, { timeout: 15_000 });
const playing = (selector) => {
	const video = document.querySelector(`${selector} video`);
	return video && video.videoWidth > 0 && video.currentTime > 0;
};

/** All pictures in sight have come. */
const pictures = (page) =>
	until(page, () =>
		[...document.querySelectorAll('[data-testid="tile"] video')].every((video) => {
			const { top, left, bottom, right, width } = video.getBoundingClientRect();
			return width === 0 || bottom <= 0 || right <= 0 || top >= innerHeight || left >= innerWidth || video.videoWidth > 0;
		}),
	);

const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'light' },
	{ viewport: 'PHONE', locale: 'en-US', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];
const nameOf = (look) => `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}-${look.colorScheme}`;

/** Link → welcome → device check → waiting room, in every look. */
export async function patientPage(kit) {
	const consult = kit.mock.open('visit', '心内科远程会诊');
	for (const look of LOOKS) {
		const name = nameOf(look);
		const page = await kit.page(kit[look.viewport], look);
		const link = kit.mock.link('visit', 'patient', '王小明');
		await page.goto(`${kit.mock.url}/j/${link.code}`);
		await page.waitForSelector(id('join-button'));
		kit.check(`${name}: opening the page does not use the link up`, link.state === 'open');
		kit.check(`${name}: lang`, (await page.getAttribute('html', 'lang')) === (look.locale === 'zh-CN' ? 'zh-CN' : 'en'));
		await kit.look(page, `join-welcome-${name}`);
		await page.click(id('join-button'));
		await until(page, () => document.querySelector('[data-testid="device-video"]')?.videoWidth > 0);
		await until(page, () => Number(document.querySelector('[data-testid="level-meter"]')?.getAttribute('aria-valuenow')) > 5);
		await kit.look(page, `join-check-${name}`);
		if (look.viewport === 'PHONE') await kit.fingers(page, `join-check-${name}`);
		await page.click(id('enter-button'));
		await page.waitForSelector(id('waiting-room'));
		await kit.look(page, `join-waiting-${name}`);
		kit.check(`${name}: in the lobby there is no PeerConnection`, await page.evaluate(() => window.huizhen.consult.peerConnection === null));
		await page.close2();
		consult.remove(link.sub);
	}
	await refusals(kit);
}

async function refusals(kit) {
	const link = kit.mock.link('visit', 'patient', '王小明');
	let page = await kit.page(kit.PHONE, { permissions: [] });
	await page.addInitScript(() => {
		navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
	});
	await page.goto(`${kit.mock.url}/j/${link.code}`);
	await page.click(id('join-button'));
	await page.waitForSelector(id('device-problem'));
	await kit.look(page, 'join-refused-phone-zh');
	await page.click(id('enter-button'));
	await page.waitForSelector(id('waiting-room'));
	kit.check('without camera and microphone one may still listen', true);
	await page.close2();

	page = await kit.page(kit.PHONE);
	await page.goto(`${kit.mock.url}/j/${link.code}`);
	await page.click(id('join-button'));
	await page.waitForSelector(id('problem'));
	kit.check('a used link is refused in another browser', link.state === 'used');
	await kit.look(page, 'join-used-phone-zh');
	await page.goto(`${kit.mock.url}/j/nosuchcode`);
	await page.waitForSelector(id('problem'));
	await page.close2();
}

/** A doctor admits a patient; both see and hear each other; everything on the control bar. */
export async function callPage(kit) {
	const consult = kit.mock.open('mdt', 'MDT 肺结节多学科会诊');
	const clinic = await kit.page(kit.DESK, { locale: 'zh-CN' });
	const token = kit.makeToken({ sub: 'dr-li', name: '李医生', role: 'clinic', consult: 'mdt' });
	await clinic.goto(`${kit.mock.url}/join#token=${token}`);
	await clinic.waitForSelector(id('join-button'));
	kit.check('the token leaves the address bar', !clinic.url().includes('token'));
	await clinic.click(id('join-button'));
	await clinic.click(id('enter-button'));
	await clinic.waitForSelector(id('call'));

	const patient = await kit.page(kit.PHONE, { locale: 'zh-CN' });
	const link = kit.mock.link('mdt', 'patient', '王小明');
	await patient.goto(`${kit.mock.url}/j/${link.code}`);
	await patient.click(id('join-button'));
	await patient.click(id('enter-button'));
	await patient.waitForSelector(id('waiting-room'));
	await clinic.waitForSelector(`${id('lobby-item')}[data-participant="${link.sub}"]`);
	await kit.look(clinic, 'call-lobby-desk-zh-light');
	await clinic.click(`${id('lobby-item')} ${id('admit')}`);
	await patient.waitForSelector(id('call'));
	await until(patient, playing, '[data-testid="tile"][data-participant="dr-li"]');
	await until(clinic, playing, `[data-testid="tile"][data-participant="${link.sub}"]`);
	kit.check('patient and doctor see each other', true);
	await kit.look(patient, 'call-two-phone-zh-light');
	await kit.fingers(patient, 'call on a phone');
	await controls(kit, clinic, patient, link);
	await crowd(kit, consult, clinic, patient, link);
	await clinic.click(id('btn-leave'));
	await clinic.waitForSelector(id('left'));
	await kit.look(clinic, 'left-desk-zh');
	await clinic.click(id('rejoin-button'));
	await clinic.waitForSelector(id('enter-button'));
	await clinic.close2();
	await patient.close2();
}

async function controls(kit, clinic, patient, link) {
	const tile = `${id('tile')}[data-participant="${link.sub}"]`;
	await patient.click(id('btn-camera'));
	await clinic.waitForSelector(`${tile} .avatar`);
	const off = await patient.evaluate(() => window.huizhen.consult.localTrack('camera').mediaStreamTrack === null);
	kit.check('camera off releases the device', off);
	await patient.click(id('btn-camera'));
	await until(clinic, playing, tile);
	kit.check('camera on comes back', true);
	await patient.click(id('btn-mic'));
	await clinic.waitForSelector(`${tile} .sign`);
	await patient.click(id('btn-mic'));
	await clinic.waitForSelector(`${tile} .sign`, { state: 'detached' });
	// What is said goes after a few seconds: it is noted in the page.
	await patient.evaluate(() => {
		const look = () => (window.told ||= document.querySelector('.toasts .toast')?.textContent ?? '');
		window.told = '';
		new MutationObserver(look).observe(document.querySelector('.toasts'), { subtree: true, childList: true, characterData: true });
	});
	await clinic.click(`${id('person-item')}[data-participant="${link.sub}"] ${id('mute-other')}`);
	await until(patient, () => window.huizhen.consult.localTrack('microphone').muted);
	await kit.comes('a host mutes the patient, and the patient is told', () => patient.evaluate(() => window.told), (text) => text.length > 2);
	await patient.click(id('btn-mic'));
	await until(clinic, (s) => !document.querySelector(`${s} .sign`), tile);
	await patient.click(id('btn-hand'));
	await clinic.waitForSelector(`${tile} .tile-hand`);
	await patient.click(id('btn-chat'));
	await patient.fill(id('chat-input'), '医生您好');
	await patient.press(id('chat-input'), 'Enter');
	await until(clinic, () => document.querySelector('[data-testid="btn-chat"] .badge')?.dataset.count === '1');
	kit.check('chat arrives and counts as unread', true);
	await kit.look(patient, 'chat-phone-zh-light');
	await patient.keyboard.press('Escape');
	await patient.click(id('btn-flip'));
	await until(clinic, playing, tile);
}

/** A weak network in words: on the tiles concerned, in the banner; the last picture stays; gone when it is over. */
async function ladder(kit, consult, clinic, patient, link) {
	const on = (who, source) => `${id('tile')}[data-participant="${who}"][data-source="${source}"]`;
	consult.ladder('dr-li', [['expert-1', 'camera', 'off'], ['us-1', 'ultrasound', 'lower'], ['us-1', 'camera', 'still']]);
	consult.ladder(link.sub, [['us-1', 'ultrasound', 'off'], ['expert-1', 'camera', 'off'], ['dr-li', 'camera', 'still']]);
	await clinic.waitForSelector(`${on('expert-1', 'camera')} .tile-net.off`);
	await clinic.waitForSelector(`${on('us-1', 'ultrasound')} .tile-net.lower`);
	await clinic.waitForSelector(`${on('us-1', 'camera')} .tile-net.still`);
	const plain = (banner) => banner.includes('声音继续') && banner.includes('自动恢复');
	await kit.comes('a paused picture is said in plain words', () => clinic.textContent(id('quality-banner')), plain);
	const kept = await clinic.evaluate((s) => (document.querySelector(`${s} video`)?.videoWidth ?? 0) > 0, on('expert-1', 'camera'));
	kit.check('the last picture stays on the screen', kept);
	await patient.waitForSelector(`${id('tile')} .tile-net`);
	await kit.look(clinic, 'call-weak-desk-zh-light');
	await kit.look(patient, 'call-weak-phone-zh-light');
	consult.ladder('dr-li', []);
	consult.ladder(link.sub, []);
	await clinic.waitForSelector(`${id('tile')} .tile-net`, { state: 'detached' });
	kit.check('nothing is said once it is over', (await clinic.getAttribute(id('quality-banner'), 'data-level')) !== 'off');
}

async function crowd(kit, consult, clinic, patient, link) {
	consult.bot({ sub: 'expert-1', name: '陈教授（北京）', role: 'expert' }, ['camera', 'microphone']);
	consult.bot({ sub: 'us-1', name: '县医院超声室', role: 'clinic', quality: 'poor' }, ['camera', 'microphone', 'ultrasound']);
	consult.bot({ sub: 'comp-1', name: '王女士', role: 'companion', hand: true }, [{ source: 'microphone', muted: true }]);
	consult.bot({ sub: 'wait-1', name: '赵先生', role: 'patient', status: 'lobby', ago: 260_000 }, []);
	consult.say({ id: 'expert-1', name: '陈教授（北京）' }, '请把探头向左移动一点。');
	await until(clinic, playing, '[data-testid="tile"][data-source="ultrasound"]');
	await until(clinic, playing, '[data-testid="tile"][data-participant="expert-1"]');
	consult.speak(['expert-1']);
	await clinic.waitForSelector('.tile.speaking');
	await clinic.click(`${id('person-item')}[data-participant="expert-1"] ${id('stats-toggle')}`);
	await clinic.waitForSelector(id('person-stats'));
	await pictures(clinic);
	await kit.look(clinic, 'call-speaker-desk-zh-light');
	await kit.look(patient, 'call-speaker-phone-zh-light');
	await ladder(kit, consult, clinic, patient, link);
	await clinic.click(id('btn-layout'));
	await clinic.waitForSelector(`${id('call')}[data-layout="grid"]`);
	await pictures(clinic);
	await kit.look(clinic, 'call-grid-desk-zh-light');
	await clinic.emulateMedia({ colorScheme: 'dark' });
	await clinic.click(id('language-switch'));
	await kit.look(clinic, 'call-grid-desk-en-dark');
	await patient.emulateMedia({ colorScheme: 'dark' });
	await patient.click(id('btn-layout'));
	await patient.click(id('language-switch'));
	await patient.waitForSelector(`${id('call')}[data-layout="grid"]`);
	await pictures(patient);
	await kit.look(patient, 'call-grid-phone-en-dark');
	await clinic.click(id('btn-chat'));
	await kit.look(clinic, 'call-chat-desk-en-dark');
	await clinic.click(id('btn-devices'));
	await clinic.waitForSelector(id('mixed-sound'));
	kit.check('nobody interprets: no languages to choose from', (await clinic.locator(id('interpretation')).count()) === 0);
	consult.interpret('expert-1', 'bo');
	await clinic.waitForSelector(id('interpretation'));
	const heard = await clinic.locator(`${id('interpretation')} option`).allTextContents();
	kit.check(`an interpreter's language is named: ${heard.join(', ')}`, heard.join() === 'Original sound,Tibetan');
	await kit.look(clinic, 'call-devices-desk-en-dark');
	await clinic.click(id('btn-people'));
	await clinic.click(`${id('person-item')}[data-participant="${link.sub}"] ${id('send-back')}`);
	await patient.waitForSelector(id('waiting-room'));
	kit.check('sent back: no PeerConnection any more', await patient.evaluate(() => window.huizhen.consult.peerConnection === null));
	await kit.comes('the place in the queue is shown', () => patient.textContent(id('queue-position')), (text) => text.trim() === '1');
	await clinic.click(`${id('lobby-item')}[data-participant="${link.sub}"] ${id('admit')}`);
	await patient.waitForSelector(id('call'));
	await until(patient, playing, '[data-testid="tile"][data-participant="dr-li"]');
	kit.check('admitted again: pictures again', true);
	await clinic.click(`${id('person-item')}[data-participant="${link.sub}"] ${id('remove')}`);
	await kit.look(clinic, 'call-remove-desk-en-dark');
	await clinic.click(id('confirm-yes'));
	await patient.waitForSelector(id('left'));
	await kit.look(patient, 'removed-phone-en-dark');
}

/** The staff's way: list, create, link, QR code, lobby, enter. */
export async function consolePage(kit) {
	for (const name of ['visit', 'mdt']) if (!kit.mock.consults.has(name)) kit.mock.open(name, 'MDT 肺结节多学科会诊'); // this case alone
	kit.mock.open('old', '上周的会诊').close();
	for (const look of LOOKS) {
		const name = nameOf(look);
		const page = await kit.page(kit[look.viewport], look);
		await page.goto(`${kit.mock.url}/console`);
		await page.waitForSelector(id('sign-in'));
		await page.goto(`${kit.mock.url}/console#token=${kit.makeToken({ sub: 'admin', name: '李护士长', role: 'admin' })}`);
		await page.waitForSelector(id('consult-item'));
		kit.check(`console ${name}: the token leaves the address bar`, !page.url().includes('token'));
		await page.fill(id('create-title'), `呼吸科 ${name}`);
		await page.click(id('create-consult'));
		await page.waitForSelector(id('link-make'));
		await page.fill(id('link-name'), '赵先生');
		await page.click(id('link-make'));
		await page.waitForSelector(id('link-qr'));
		await page.click(id('link-copy'));
		const made = await page.inputValue(id('link-url'));
		const copied = () => page.evaluate(() => navigator.clipboard.readText().catch(String));
		await kit.comes(`console ${name}: the link is copied`, copied, (text) => made.includes('/j/') && text === made);
		const consult = [...kit.mock.consults.values()].find((c) => c.title === `呼吸科 ${name}`);
		consult.bot({ sub: 'w1', name: '孙女士', role: 'patient', status: 'lobby', ago: 130_000 }, []);
		await page.waitForSelector(id('lobby-item'));
		await page.evaluate(() => scrollTo(0, 0));
		await kit.look(page, `console-${name}`);
		await page.evaluate(() => document.querySelector('[data-testid="link-qr"]').scrollIntoView());
		await kit.look(page, `console-links-${name}`);
		await page.click(`${id('lobby-item')} ${id('admit')}`);
		await page.waitForSelector(id('lobby-item'), { state: 'detached' });
		await page.click(id('link-revoke'));
		await until(page, () => /撤销|revoked/.test(document.querySelector('[data-testid="link-item"] .hint')?.textContent ?? ''));
		kit.check(`console ${name}: admit and revoke`, [...kit.mock.links.values()].some((l) => l.state === 'revoked'));
		await page.click(id('section-records'));
		await page.waitForSelector(`${id('record-row')}[data-state="failed"]`);
		await page.waitForSelector(id('archive'));
		await page.waitForSelector(`${id('delivery-pacs')}[data-state="sent"]`);
		await page.waitForSelector(`${id('delivery-emr')}[data-state="parked"]`);
		await kit.look(page, `records-${name}`);
		if (look.viewport !== 'DESK') await kit.fingers(page, `records-${name}`);
		await page.click(id('section-consults'));
		await page.click(`${id('consult-item')}[data-consult="${consult.id}"]`);
		await page.waitForSelector(id('enter-consult'));
		if (look.viewport === 'DESK') {
			await page.click(id('enter-consult'));
			await page.waitForSelector(id('call'));
			await page.waitForSelector(id('self-view') + ' video');
			await page.click(id('btn-leave'));
			await page.waitForSelector(id('consult-list'));
		} else {
			await kit.fingers(page, `console-${name}`);
		}
		await page.close2();
	}
	const watch = await kit.page(kit.PHONE);
	await watch.goto(`${kit.mock.url}/watch/mdt#token=x`);
	await watch.waitForSelector(`${id('watch-state')}[data-state="waiting"]`);
	await kit.look(watch, 'watch-phone-zh-light');
	await watch.close2();
}

/** The socket dies, the page is reloaded, another window takes over. */
export async function resumePage(kit) {
	const consult = kit.mock.open('resume', '复诊');
	consult.bot({ sub: 'bot', name: '陈教授', role: 'expert' }, ['camera', 'microphone']);
	const page = await kit.page(kit.PHONE);
	const token = kit.makeToken({ sub: 'p1', name: '王小明', role: 'expert', consult: 'resume' });
	await page.goto(`${kit.mock.url}/join#token=${token}`);
	await page.click(id('join-button'));
	await page.click(id('enter-button'));
	const tile = '[data-testid="tile"][data-participant="bot"]';
	await until(page, playing, tile);
	await page.evaluate(() => (window.before = window.huizhen.consult.peerConnection));
	// It may be back before anybody asks: what was shown in between is noted in the page.
	await page.evaluate((banner) => {
		const look = () => (window.toldLost ||= document.querySelector(banner) !== null);
		new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
	}, `${id('quality-banner')}[data-level="lost"]`);
	kit.mock.dropSockets();
	await until(page, () => window.toldLost && window.huizhen.consult.state === 'incall');
	kit.check('a lost socket resumes on the same PeerConnection', await page.evaluate(() => window.before === window.huizhen.consult.peerConnection));
	const p1 = consult.people().find((p) => p.id === 'p1');
	consult.tell(p1, 'renegotiate', { reason: 'peer' });
	await until(page, () => window.huizhen.consult.peerConnection !== window.before);
	await until(page, playing, tile);
	kit.check('renegotiate "peer": a new PeerConnection, pictures again, no question asked', true);
	await page.reload();
	await page.waitForSelector(id('call'));
	await until(page, playing, tile);
	await until(page, () => window.huizhen.consult.localTracks.filter((t) => t.mediaStreamTrack?.readyState === 'live').length === 2);
	kit.check('a reload goes straight back in, devices too', true);
	// They are taken every other second, and what is sent is in them once it has been agreed on.
	const words = () => page.evaluate(async () => (await window.huizhen.consult.statistics()).tracks.map((t) => `${t.direction} ${t.source} ${t.level}`));
	await kit.comes('statistics in words', words, (list) => list.length >= 3 && list.every((line) => /^(send|receive) (camera|microphone) (good|fair|poor|lost)$/.test(line)));
	await page.evaluate(() => window.huizhen.consult.publish('camera2', { deviceId: 'none' }));
	await until(page, () => document.querySelector('[data-testid="tile"][data-participant="p1"][data-source="camera2"] video')?.videoWidth > 0);
	await kit.comes('a second camera is published', () => consult.people().find((p) => p.id === 'p1').tracks.map((t) => t.source), (list) => p1 !== undefined && list.length === 3);
	p1.ws?.close(4001);
	await page.waitForSelector(id('rejoin-button'));
	await kit.look(page, 'replaced-phone-zh-light');
	await page.close2();
}
