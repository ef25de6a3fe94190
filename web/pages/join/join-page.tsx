// /j/{code} and /join#token=…: from the link into the consult. Nothing is used up before the tap on "Join".
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { environment, savedResumeKey, type ConsentAnswer, type Consult } from '../../sdk/src';
import type { RestLinkInfo } from '../../sdk/src/protocol';
import { CallView } from '../call/call-view';
import { t, useLanguage, type MessageKey } from '../i18n';
import { api, ApiError } from '../shared/api';
import { Connecting } from '../shared/connecting';
import { ConsentQuestion } from '../shared/consent';
import { enter, type Devices } from '../shared/enter';
import { useConsult } from '../shared/hooks';
import { audioContext } from '../shared/sounds';
import { expose } from '../shared/start';
import { claimsOf, CONSOLE_TOKEN, forgetSession, goWithToken, isSameWayIn, keep, keepConsoleToken, kept, takeFragment } from '../shared/token';
import { Notice, TopBar } from '../shared/ui';
import { DeviceCheck } from './device-check';
import { WaitingRoom } from './waiting-room';

type Invitation = { title: string; role: string; name: string };
type Phase =
	| { name: 'loading' }
	| { name: 'welcome'; invitation: Invitation }
	| { name: 'problem'; title: MessageKey; text: MessageKey; retry: boolean }
	| { name: 'consent' }
	| { name: 'check' }
	| { name: 'joining' }
	| { name: 'inside'; consult: Consult }
	| { name: 'ended'; reason: string };

const STAFF = ['admin', 'clinic', 'expert'];
const TOKEN_KEY = 'huizhen.join.token';

function linkCode(): string | null {
	const match = /^\/j\/([A-Za-z0-9_-]{1,64})\/?$/.exec(location.pathname);
	return match?.[1] ?? null;
}

function linkProblem(state: RestLinkInfo['state']): Phase | null {
	if (state === 'expired') return { name: 'problem', title: 'linkExpiredTitle', text: 'linkExpiredText', retry: false };
	if (state === 'revoked') return { name: 'problem', title: 'linkInvalidTitle', text: 'linkInvalidText', retry: false };
	return null;
}

function problemOfError(error: unknown, used = false): Phase {
	const status = error instanceof ApiError ? error.status : 0;
	if (status === 410) return { name: 'problem', title: 'linkExpiredTitle', text: 'linkExpiredText', retry: false };
	if (status === 409 || (used && status === 403)) {
		return { name: 'problem', title: 'linkUsedTitle', text: 'linkUsedText', retry: false };
	}
	if (status >= 400 && status < 500 && status !== 429) {
		return { name: 'problem', title: 'linkInvalidTitle', text: 'linkInvalidText', retry: false };
	}
	return { name: 'problem', title: 'networkErrorTitle', text: 'networkErrorText', retry: true };
}

export function JoinPage() {
	useLanguage();
	const code = useRef(linkCode());
	const [phase, setPhase] = useState<Phase>({ name: 'loading' });
	const storageKey = code.current ? `link.${code.current}` : 'token';
	const token = useRef<string | null>(null);
	const used = useRef(false);
	const record = useRef<RestLinkInfo['record']>('off');
	const consent = useRef<ConsentAnswer | undefined>(undefined);
	const held = useRef<Devices | null>(null);
	const inside = useRef(false);

	const load = async () => {
		setPhase({ name: 'loading' });
		if (!environment().supported) return; // the address keeps its token, for another browser
		if (code.current === null) token.current = takeToken(storageKey) ?? token.current;
		if (savedResumeKey(storageKey) !== null && (await resume())) return;
		if (code.current === null) {
			setPhase(welcomeByToken(token));
			return;
		}
		try {
			const info = await api.link(code.current);
			const invitation = { title: info.consult_title, role: info.role, name: info.name };
			// The browser that used a link may use it again, and only the gateway knows: so "used" still has its button.
			used.current = info.state === 'used';
			record.current = info.record;
			setPhase(linkProblem(info.state) ?? { name: 'welcome', invitation });
		} catch (error) {
			setPhase(problemOfError(error));
		}
	};
	/** After a reload: straight back in. */
	const resume = async (): Promise<boolean> => {
		setPhase({ name: 'joining' });
		try {
			show(await enter({ storageKey }));
			return true;
		} catch {
			return false;
		}
	};
	const show = (consult: Consult) => {
		inside.current = true;
		consult.on('end', (reason) => {
			inside.current = false;
			expose(null);
			setPhase({ name: 'ended', reason });
		});
		setPhase({ name: 'inside', consult });
	};
	const redeem = async () => {
		audioContext(); // in the tap: iOS lets sound start only from one
		if (code.current === null) {
			setPhase({ name: 'check' });
			return;
		}
		setPhase({ name: 'joining' });
		try {
			const redeemed = await api.redeem(code.current);
			if (redeemed.consult === null && STAFF.includes(redeemed.role)) {
				keepConsoleToken(redeemed.token);
				goWithToken('/console', CONSOLE_TOKEN, redeemed.token);
				return;
			}
			if (redeemed.consult !== null && redeemed.role === 'viewer') {
				goWithToken(`/watch/${redeemed.consult}`, `huizhen.watch.${redeemed.consult}`, redeemed.token);
				return;
			}
			token.current = redeemed.token;
			setPhase(record.current === 'off' ? { name: 'check' } : { name: 'consent' });
		} catch (error) {
			setPhase(problemOfError(error, used.current));
		}
	};
	const go = async (devices: Devices) => {
		audioContext();
		held.current = devices;
		setPhase({ name: 'joining' });
		try {
			show(await enter({ token: token.current ?? '', storageKey, devices, consent: consent.current }));
		} catch {
			stop(devices);
			setPhase({ name: 'problem', title: 'refusedTitle', text: 'refusedText', retry: true });
		}
	};
	/** Away from an attempt to join, which nothing but the end of the page ends. */
	const giveUp = () => {
		stop(held.current);
		forgetSession(storageKey);
		location.reload();
	};
	useLayoutEffect(() => {
		// Another link opened while this tab shows the page changes the fragment only. The same one leads to where one is.
		const onHash = () => {
			const next = new URLSearchParams(location.hash.slice(1)).get('token');
			if (code.current !== null || next === null || !environment().supported) return;
			if (inside.current && isSameWayIn(kept(TOKEN_KEY), next)) token.current = takeToken(storageKey);
			else location.reload();
		};
		addEventListener('hashchange', onHash);
		return () => removeEventListener('hashchange', onHash);
	}, []);
	useEffect(() => void load(), []);

	if (phase.name === 'inside') return <Inside consult={phase.consult} />;
	return (
		<div class="page">
			<TopBar />
			<main class="narrow">
				{!environment().supported ? (
					<Unsupported />
				) : phase.name === 'welcome' ? (
					<Welcome invitation={phase.invitation} onJoin={() => void redeem()} />
				) : phase.name === 'consent' ? (
					<ConsentQuestion
						on={record.current === 'on'}
						onAnswer={(answer) => {
							consent.current = answer;
							setPhase({ name: 'check' });
						}}
					/>
				) : phase.name === 'check' ? (
					<DeviceCheck onEnter={(devices) => void go(devices)} />
				) : phase.name === 'problem' ? (
					<Notice title={t(phase.title)} text={t(phase.text)} testid="problem">
						{phase.retry && (
							<button type="button" onClick={() => void load()}>
								{t('retry')}
							</button>
						)}
					</Notice>
				) : phase.name === 'ended' ? (
					<Ended reason={phase.reason} onRejoin={() => void redeem()} />
				) : phase.name === 'joining' ? (
					<Connecting onBack={giveUp} />
				) : (
					<p class="loading" role="status">
						{t('linkLoading')}
					</p>
				)}
			</main>
		</div>
	);
}

/** The token of the fragment, kept for a reload of the tab. Of another person or consult: nothing may lead back into the
 * session of before. */
function takeToken(storageKey: string): string | null {
	const given = takeFragment().get('token');
	if (given === null) return null;
	if (!isSameWayIn(kept(TOKEN_KEY), given)) forgetSession(storageKey);
	keep(TOKEN_KEY, given);
	return given;
}

function stop(devices: Devices | null): void {
	devices?.camera?.stop();
	devices?.microphone?.stop();
}

function welcomeByToken(token: { current: string | null }): Phase {
	token.current ??= kept(TOKEN_KEY);
	if (token.current === null) {
		return { name: 'problem', title: 'linkInvalidTitle', text: 'linkInvalidText', retry: false };
	}
	const claims = claimsOf(token.current);
	return { name: 'welcome', invitation: { title: '', role: claims?.role ?? '', name: claims?.name ?? '' } };
}

function Welcome({ invitation, onJoin }: { invitation: Invitation; onJoin: () => void }) {
	const { title, role, name } = invitation;
	return (
		<section class="card welcome">
			<p class="hint">{t('joinInvited')}</p>
			<h1 data-testid="consult-title">{title || t('joinAnonymous')}</h1>
			{(name || role) && (
				<p class="join-as">
					<span class="hint">{t('joinAs')}</span>
					<strong>{name}</strong>
					{role && <span class="tag">{t(`role_${role}` as MessageKey)}</span>}
				</p>
			)}
			<button type="button" class="primary big" data-testid="join-button" onClick={onJoin}>
				{t('joinButton')}
			</button>
			<p class="hint">{t('joinHint')}</p>
		</section>
	);
}

function Unsupported() {
	const wechat = environment().browser.startsWith('wechat');
	return <Notice title={t('unsupportedTitle')} text={t(wechat ? 'unsupportedWechat' : 'unsupportedText')} />;
}

function Inside({ consult }: { consult: Consult }) {
	useConsult(consult);
	const wasInside = useRef(false);
	if (consult.me.status !== 'lobby') wasInside.current = true;
	if (consult.me.status !== 'lobby') return <CallView consult={consult} />;
	return (
		<div class="page">
			<TopBar />
			<main class="narrow">
				<WaitingRoom consult={consult} wasInside={wasInside.current} />
			</main>
		</div>
	);
}

export function Ended({ reason, onRejoin }: { reason: string; onRejoin: () => void }) {
	const texts: Record<string, [MessageKey, MessageKey, MessageKey | null]> = {
		removed: ['endRemovedTitle', 'endRemovedText', null],
		closed: ['endClosedTitle', 'endClosedText', null],
		replaced: ['endReplacedTitle', 'endReplacedText', 'takeOver'],
		expired: ['endExpiredTitle', 'endExpiredText', 'rejoin'],
	};
	const [title, text, again] = texts[reason] ?? ['leftTitle', 'leftText', 'rejoin'];
	return (
		<Notice title={t(title)} text={t(text)} testid="left">
			{again && (
				<button type="button" class="primary" data-testid="rejoin-button" onClick={onRejoin}>
					{t(again)}
				</button>
			)}
		</Notice>
	);
}
