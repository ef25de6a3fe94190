// Recording as people see it: the question on the way in, the sign and what is wrong, in every look.
const id = (name) => `[data-testid="${name}"]`;
const LOOKS = [
	{ viewport: 'PHONE', locale: 'zh-CN', colorScheme: 'light' },
	{ viewport: 'PHONE', locale: 'en-US', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'zh-CN', colorScheme: 'dark' },
	{ viewport: 'DESK', locale: 'en-US', colorScheme: 'light' },
];

const says = (page, name, wanted) =>
	page.waitForFunction(([n, text]) => (document.querySelector(`[data-testid="${n}"]`)?.textContent ?? '').includes(text), [name, wanted], { timeout: 15_000 });

/** Everybody in the room is told the same; only those who can do something about it are asked to. */
async function states(kit, consult, host, patient, look, name) {
	const zh = look.locale === 'zh-CN';
	const shows = [['on', undefined], ['on', 'low'], ['interrupted', 'full']];
	for (const [record, problem] of shows) {
		Object.assign(consult, { record, problem });
		consult.push();
		for (const page of [host, patient]) {
			await page.waitForSelector(`${id('record-sign')}[data-state="${record}"]`);
			if (problem) await page.waitForSelector(`${id('record-problem')}[data-problem="${problem}"]`);
		}
		await kit.look(host, `record-${record}-${problem ?? 'good'}-host-${name}`);
		await kit.look(patient, `record-${record}-${problem ?? 'good'}-patient-${name}`);
		if (problem !== 'low') continue;
		const it = zh ? '信息科' : 'tell IT';
		kit.check(`record ${name}: hosts are asked to tell IT`, (await host.textContent(id('record-problem'))).includes(it));
		kit.check(`record ${name}: patients are not`, !(await patient.textContent(id('record-problem'))).includes(it));
	}
	Object.assign(consult, { record: 'on', problem: undefined });
	consult.push();
}

export async function recordPage(kit) {
	for (const look of LOOKS) {
		const name = `${look.viewport.toLowerCase()}-${look.locale.slice(0, 2)}-${look.colorScheme}`;
		const key = `rec-${name}`;
		const consult = kit.mock.open(key, 'MDT 肺结节多学科会诊');
		Object.assign(consult, { wish: 'automatic', record: 'on' });
		const host = await kit.page(kit[look.viewport], look);
		await host.goto(`${kit.mock.url}/j/${kit.mock.link(key, 'clinic', '李医生').code}`);
		await host.click(id('join-button'));
		await host.waitForSelector(id('consent-question'));
		await kit.look(host, `record-question-${name}`);
		if (look.viewport === 'PHONE') await kit.fingers(host, `record-question-${name}`);
		const boxes = await Promise.all(['consent-yes', 'consent-no'].map((x) => host.locator(id(x)).boundingBox()));
		kit.check(`record ${name}: yes and no weigh the same`, Math.abs(boxes[0].width - boxes[1].width) < 2 && Math.abs(boxes[0].height - boxes[1].height) < 2);
		await host.click(id('consent-yes'));
		await host.click(id('enter-button'));
		await host.waitForSelector(id('call'));

		const patient = await kit.page(kit[look.viewport], look);
		const link = kit.mock.link(key, 'patient', '王小明');
		await patient.goto(`${kit.mock.url}/j/${link.code}`);
		await patient.click(id('join-button'));
		await patient.click(id('consent-no'));
		await patient.click(id('enter-button'));
		await patient.waitForSelector(id('waiting-room'));
		await kit.look(patient, `record-waiting-${name}`);
		consult.setStatus(link.sub, 'admitted');
		await patient.waitForSelector(id('call'));
		consult.bot({ sub: 'e1', name: '陈教授（北京）', role: 'expert' }, ['camera', 'microphone']);
		consult.list.find((p) => p.id === 'e1').consent = 'given';
		consult.push();
		await says(patient, 'record-bar-text', look.locale === 'zh-CN' ? '不包括您' : 'without you');
		if (look.viewport === 'PHONE') await host.click(id('btn-people'));
		await host.waitForSelector(id('not-recorded'));
		await host.waitForFunction(() => document.querySelector('[data-testid="tile"][data-participant="e1"] video')?.videoWidth > 0);
		await kit.look(host, `record-people-${name}`);
		if (look.viewport === 'PHONE') {
			// A panel covers the head there: the sign is in it, too.
			await host.waitForSelector(`${id('record-sign-panel')}[data-state="on"]`);
			await host.click('.panel-head button');
			await host.waitForSelector('.panel', { state: 'detached' });
		}
		await states(kit, consult, host, patient, look, name);
		await patient.click(id('consent-ask'));
		await patient.waitForSelector(id('consent-dialog'));
		await kit.look(patient, `record-dialog-${name}`);
		await patient.click(id('consent-yes'));
		await patient.click(id('consent-withdraw'));
		await says(patient, 'record-bar-text', look.locale === 'zh-CN' ? '不包括您' : 'without you');
		kit.check(`record ${name}: one tap and one is out of it`, consult.list.find((p) => p.id === link.sub).consent === 'withdrawn');
		await patient.close2();
		await host.close2();
	}
}
