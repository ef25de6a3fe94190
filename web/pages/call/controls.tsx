// The buttons of a call, each with a label and at least 44 px.
import { useEffect, useState } from 'preact/hooks';
import { canShareScreen, environment, listDevices, problemOf, type Consult, type Source } from '../../sdk/src';
import { t } from '../i18n';
import { remember } from '../shared/choices';
import { Icon, type IconName } from '../shared/icons';
import { Confirm } from '../shared/ui';
import type { Layout } from './stage';

interface ControlsProps {
	consult: Consult;
	layout: Layout;
	onLayout: () => void;
	panel: 'chat' | 'people' | 'devices' | 'audience' | 'masks' | 'images' | null;
	onPanel: (panel: 'chat' | 'people' | 'devices' | 'images') => void;
	/** Of the table: nothing there, on the stage, or put away. */
	images: 'none' | 'shown' | 'hidden';
	onImages: () => void;
	unread: number;
	/** Says to the user what went wrong. */
	onNotice: (text: string) => void;
}

interface ButtonProps {
	testid: string;
	icon: IconName;
	text: string;
	label?: string;
	pressed?: boolean;
	badge?: number;
	kind?: string;
	disabled?: boolean;
	onClick: () => void;
}

function ControlButton(p: ButtonProps) {
	// The name begins with what is written on the button: voice control users say what they see.
	const name = !p.label || p.label.includes(p.text) ? (p.label ?? p.text) : `${p.text}: ${p.label}`;
	return (
		<button
			type="button" class={`control ${p.kind ?? ''}`} data-testid={p.testid} aria-label={name}
			aria-pressed={p.pressed} disabled={p.disabled} title={p.label} onClick={p.onClick}
		>
			<span class="control-icon">
				<Icon name={p.icon} />
				{p.badge ? (
					<span class="badge" data-count={p.badge} />
				) : null}
			</span>
			<span class="control-text">{p.text}</span>
		</button>
	);
}

export function Controls(props: ControlsProps) {
	const { consult, layout, panel } = props;
	const waiting = consult.lobby.length;
	return (
		<section class="controls" role="region" aria-label={t('controls')}>
			{consult.can('publish') && <OwnDevices {...props} />}
			{consult.can('publish') && (
				<ControlButton
					testid="btn-hand" icon="hand" text={t('hand')} label={t(consult.me.hand ? 'handLower' : 'handRaise')}
					pressed={consult.me.hand}
					onClick={() => void consult.setHand(!consult.me.hand).catch(() => props.onNotice(t('actionFailed')))}
				/>
			)}
			<ControlButton
				testid="btn-chat" icon="chat" text={t('chat')} pressed={panel === 'chat'} badge={props.unread}
				label={props.unread ? t('chatUnread', { n: props.unread }) : t(panel === 'chat' ? 'chatClose' : 'chatOpen')}
				onClick={() => props.onPanel('chat')}
			/>
			{consult.can('admit') && (
				<ControlButton
					testid="btn-people" icon="people" text={t('people')} pressed={panel === 'people'} badge={waiting}
					label={waiting ? t('peopleWaiting', { n: waiting }) : t('peopleOpen')} onClick={() => props.onPanel('people')}
				/>
			)}
			<ImagesButton {...props} />
			{consult.can('record') && <RecordButton {...props} />}
			<ControlButton
				testid="btn-layout" icon={layout === 'grid' ? 'speaker' : 'grid'}
				text={t(layout === 'grid' ? 'layoutSpeaker' : 'layoutGrid')}
				label={t(layout === 'grid' ? 'layoutToSpeaker' : 'layoutToGrid')} onClick={props.onLayout}
			/>
			<ControlButton
				testid="btn-leave" icon="leave" text={t('leave')} kind="leave" onClick={() => void consult.leave()}
			/>
		</section>
	);
}

/** For who brings images: the panel. For everybody else: showing what lies there, or not. */
function ImagesButton({ consult, panel, images, onPanel, onImages }: ControlsProps) {
	if (consult.can('image')) {
		return <ControlButton testid="btn-images" icon="image" text={t('imagesButton')} label={t('imagesButtonOpen')} pressed={panel === 'images'} onClick={() => (images === 'hidden' ? onImages() : onPanel('images'))} />;
	}
	if (images === 'none') return null;
	return (
		<ControlButton
			testid="btn-images" icon="image" text={t('imagesButton')} label={t(images === 'shown' ? 'imagesButtonHide' : 'imagesButtonShow')} pressed={images === 'shown'}
			onClick={onImages}
		/>
	);
}

/** Records everybody who consented; stopping is asked for once more. */
function RecordButton({ consult, onNotice }: ControlsProps) {
	const [busy, setBusy] = useState(false);
	const [sure, setSure] = useState(false);
	const runs = consult.record.state !== 'off';
	const change = () => {
		setSure(false);
		setBusy(true);
		(runs ? consult.record.stop() : consult.record.start())
			.catch(() => onNotice(t(runs ? 'actionFailed' : 'recordFailed')))
			.finally(() => setBusy(false));
	};
	return (
		<>
			<ControlButton
				testid="btn-record" icon={runs ? 'recordStop' : 'record'} text={t('recordStart')}
				label={t(runs ? 'recordStopLabel' : 'recordStartLabel')} pressed={runs} disabled={busy} kind={runs ? 'recording-now' : ''}
				onClick={() => (runs ? setSure(true) : change())}
			/>
			{sure && (
				<Confirm text={t('recordStopConfirm')} yes={t('recordStop')} no={t('cancel')} onYes={change} onNo={() => setSure(false)} />
			)}
		</>
	);
}

function OwnDevices({ consult, panel, onPanel, onNotice }: ControlsProps) {
	const cameras = useCameraCount(consult);
	const { mobile } = environment();
	const busy = useBusy(onNotice);
	const mic = consult.localTrack('microphone');
	const camera = consult.localTrack('camera');
	const toggle = (source: Source) => async () => {
		const local = consult.localTrack(source);
		if (!local) await consult.publish(source);
		else if (local.problem) await local.recover();
		else await consult.setMuted(source, !local.muted);
		if (source === 'camera') remember({ cameraOff: consult.localTrack('camera')?.muted === true });
	};
	const share = (source: Source) => async () => {
		if (consult.localTrack(source)) consult.unpublish(source);
		else if (source === 'screen') await consult.publish('screen');
		else await consult.publish(source, { deviceId: await otherCamera(camera?.deviceId) });
	};
	const flip = async () => {
		if (!mobile) {
			await consult.switchDevice('camera', { deviceId: await otherCamera(camera?.deviceId) });
			return;
		}
		await consult.flipCamera();
		remember({ facing: consult.localTrack('camera')?.facing ?? 'user' });
	};
	const micOff = !mic || mic.muted || mic.problem !== null;
	const cameraOff = !camera || camera.muted || camera.problem !== null;
	const sharing = consult.localTrack('screen') !== undefined;
	const second = consult.localTrack('camera2') !== undefined;
	return (
		<>
			<ControlButton
				testid="btn-mic" icon={micOff ? 'micOff' : 'mic'} kind={micOff ? 'off' : ''} disabled={busy.is('microphone')}
				text={!mic ? t('noMicrophone') : t(mic.muted ? 'unmute' : 'mute')} pressed={micOff}
				onClick={() => busy.run('microphone', toggle('microphone'))}
			/>
			<ControlButton
				testid="btn-camera" icon={cameraOff ? 'cameraOff' : 'camera'} kind={cameraOff ? 'off' : ''}
				disabled={busy.is('camera')} text={!camera ? t('noCamera') : t(cameraOff ? 'cameraStart' : 'cameraStop')}
				pressed={cameraOff} onClick={() => busy.run('camera', toggle('camera'))}
			/>
			{(mobile || cameras > 1) && (
				<ControlButton
					testid="btn-flip" icon="flip" text={t('flip')} label={t('flipLabel')}
					disabled={cameraOff || busy.is('camera')} onClick={() => busy.run('camera', flip)}
				/>
			)}
			{canShareScreen() && !mobile && (
				<ControlButton
					testid="btn-screen" icon="screen" text={t(sharing ? 'screenStop' : 'screen')} pressed={sharing}
					label={t(sharing ? 'screenStop' : 'screenStart')} disabled={busy.is('screen')}
					onClick={() => busy.run('screen', share('screen'))}
				/>
			)}
			{!mobile && (cameras > 1 || second) && (
				<ControlButton
					testid="btn-camera2" icon="camera2" text={t('camera2')} pressed={second}
					label={t(second ? 'camera2Stop' : 'camera2Start')} disabled={busy.is('camera2')}
					onClick={() => busy.run('camera2', share('camera2'))}
				/>
			)}
			{!mobile && (
				<ControlButton
					testid="btn-devices" icon="sound" text={t('devices')} pressed={panel === 'devices'}
					onClick={() => onPanel('devices')}
				/>
			)}
		</>
	);
}

/** A camera that is not the one in use. */
async function otherCamera(used: string | undefined): Promise<string | undefined> {
	const { cameras } = await listDevices();
	return cameras.find((c) => c.deviceId !== used)?.deviceId;
}

function useCameraCount(consult: Consult): number {
	const [count, setCount] = useState(0);
	useEffect(() => {
		const read = () => void listDevices().then((list) => setCount(list.cameras.length));
		read();
		return consult.on('devices', read);
	}, [consult, consult.localTracks.length]);
	return count;
}

/** One action per source at a time; says in words why one failed. */
function useBusy(onNotice: (text: string) => void) {
	const [busy, setBusy] = useState<Source[]>([]);
	const run = (source: Source, action: () => Promise<void>) => {
		setBusy((list) => [...list, source]);
		action()
			.catch((error: unknown) => {
				const problem = problemOf(error);
				// Closing the browser's own window for choosing a screen is no failure.
				if (source === 'screen') onNotice(problem === 'denied' ? '' : t('shareFailed'));
				else onNotice(t('deviceLost', { device: t(`source_${source}`), problem: t(`problem_${problem}`) }));
			})
			.finally(() => setBusy((list) => list.filter((s) => s !== source)));
	};
	return { run, is: (source: Source) => busy.includes(source) };
}
