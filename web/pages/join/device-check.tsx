// Camera and microphone before entering: live picture, level meter, choice of device, help when something is refused.
import { useEffect, useRef, useState } from 'preact/hooks';
import {
	environment, facingOf, listDevices, type CameraOptions, type DeviceList, type DeviceProblem, type Facing, type MicrophoneOptions,
} from '../../sdk/src';
import { t, type MessageKey } from '../i18n';
import { choices, remember } from '../shared/choices';
import type { Devices } from '../shared/enter';
import { helpFor, otherBrowserHelps } from '../shared/help';
import { Icon } from '../shared/icons';
import { LevelMeter } from '../shared/level-meter';
import { LocalVideo } from '../shared/video';
import { CheckedDevices, type Opened } from './checked-devices';

function rememberedCamera(): CameraOptions {
	const { cameraId, facing } = choices();
	if (environment().mobile) return { facing: facing ?? 'user' };
	return { deviceId: cameraId };
}

/** Opens the devices, and gives them back unless they went into the consult. */
function useDevices() {
	const [opened, setOpened] = useState<Opened | null>(null);
	const [list, setList] = useState<DeviceList>({ cameras: [], microphones: [], speakers: [] });
	const [off, setOff] = useState(choices().cameraOff === true);
	const [checked] = useState(() => new CheckedDevices(setOpened));
	const gone = useRef(false);

	const refreshList = () => void listDevices().then((l) => gone.current || setList(l));
	const openAll = () => checked.openAll(rememberedCamera(), { deviceId: choices().microphoneId }, choices().cameraOff === true).then(refreshList);
	const useCamera = (options: CameraOptions) => checked.useCamera(options).then(refreshList);
	const useMicrophone = (options: MicrophoneOptions) => checked.useMicrophone(options);
	const setCameraOff = (next: boolean) => {
		setOff(next);
		remember({ cameraOff: next });
		if (next) checked.cameraOff();
		else void useCamera(rememberedCamera());
	};
	useEffect(() => {
		void openAll();
		navigator.mediaDevices?.addEventListener?.('devicechange', refreshList);
		return () => {
			gone.current = true;
			navigator.mediaDevices?.removeEventListener?.('devicechange', refreshList);
			checked.stop();
		};
	}, []);
	return { opened, list, off, openAll, useCamera, useMicrophone, setCameraOff, handOver: () => checked.handOver() };
}

export function DeviceCheck(props: { onEnter: (devices: Devices) => void }) {
	const devices = useDevices();
	const { opened, off } = devices;
	const enter = () => {
		const { camera, microphone, cameraComing } = devices.handOver();
		props.onEnter({ camera, microphone, cameraComing, cameraOff: off });
	};
	return (
		<section class="card check">
			<h1>{t('checkTitle')}</h1>
			<Preview camera={opened?.camera ?? null} off={off} waiting={opened === null} />
			{opened === null ? (
				<p class="hint" role="status">
					{t('checkAllow')}
				</p>
			) : (
				<>
					<CameraButtons devices={devices} opened={opened} />
					<Problems opened={opened} onRetry={() => void devices.openAll()} />
					{opened.microphone && (
						<div class="meter-row">
							<Icon name="mic" size={20} />
							<LevelMeter track={opened.microphone} />
						</div>
					)}
					{opened.microphone && <p class="hint">{t('checkSpeak')}</p>}
				</>
			)}
			<button type="button" class="primary big" data-testid="enter-button" disabled={opened === null} onClick={enter}>
				{t(enterLabel(opened, off))}
			</button>
			{opened !== null && <Choosers devices={devices} opened={opened} />}
		</section>
	);
}

function enterLabel(opened: Opened | null, off: boolean): MessageKey {
	if (!opened || (opened.microphone && (opened.camera || off))) return 'enterButton';
	if (opened.microphone) return 'enterAudioOnly';
	return opened.camera ? 'enterVideoOnly' : 'enterListenOnly';
}

function Preview({ camera, off, waiting }: { camera: MediaStreamTrack | null; off: boolean; waiting: boolean }) {
	return (
		<div class="preview">
			<LocalVideo
				track={camera} label={t('checkPreview')} testid="device-video"
				mirrored={!!camera && facingOf(camera) !== 'environment'}
			/>
			{!camera && (
				<div class="preview-empty">
					<Icon name="cameraOff" size={40} />
					<span>{waiting ? t('loading') : off ? t('cameraOff') : t('noCamera')}</span>
				</div>
			)}
		</div>
	);
}

function Problems({ opened, onRetry }: { opened: Opened; onRetry: () => void }) {
	const { browser } = environment();
	const problems = [opened.cameraProblem, opened.microphoneProblem];
	if (!problems.some(Boolean)) return null;
	const help = helpFor(browser, problems);
	return (
		<div class="problem" role="alert" data-testid="device-problem">
			{opened.cameraProblem && <ProblemLine device={t('problemCamera')} problem={opened.cameraProblem} />}
			{opened.microphoneProblem && <ProblemLine device={t('problemMicrophone')} problem={opened.microphoneProblem} />}
			{help && (
				<p>
					<strong>{t('help_title')}</strong>
					<br />
					{t(help)}
				</p>
			)}
			{otherBrowserHelps(browser, problems) && <p>{t('unsupportedWechat')}</p>}
			<button type="button" data-testid="device-retry" onClick={onRetry}>
				{t('retry')}
			</button>
		</div>
	);
}

function ProblemLine({ device, problem }: { device: string; problem: DeviceProblem }) {
	return <p>{t('deviceLost', { device, problem: t(`problem_${problem}`) })}</p>;
}

interface DeviceProps {
	devices: ReturnType<typeof useDevices>;
	opened: Opened;
}

/** Off and on; front and back on a phone. */
function CameraButtons({ devices, opened }: DeviceProps) {
	const { off } = devices;
	const facing: Facing = (opened.camera && facingOf(opened.camera)) ?? choices().facing ?? 'user';
	const face = (next: Facing) => {
		remember({ facing: next });
		void devices.useCamera({ facing: next });
	};
	const other = facing === 'user' ? 'environment' : 'user';
	return (
		<div class="camera-buttons">
			{(opened.camera || off) && (
				<button type="button" aria-pressed={off} onClick={() => devices.setCameraOff(!off)}>
					<Icon name={off ? 'camera' : 'cameraOff'} size={20} /> {off ? t('turnCameraOn') : t('turnCameraOff')}
				</button>
			)}
			{environment().mobile && opened.camera && (
				<button type="button" data-testid="check-flip" onClick={() => face(other)}>
					<Icon name="flip" size={20} /> {t(other === 'user' ? 'checkFront' : 'checkBack')}
				</button>
			)}
		</div>
	);
}

function Choosers({ devices, opened }: DeviceProps) {
	const { list } = devices;
	const { mobile } = environment();
	const current = (track: MediaStreamTrack | null) => track?.getSettings?.().deviceId ?? '';
	if (list.microphones.length < 2 && (mobile || list.cameras.length < 2)) return null;
	return (
		<div class="choosers">
			{!mobile && opened.camera && list.cameras.length > 1 && (
				<Chooser
					label={t('checkCamera')} list={list.cameras} value={current(opened.camera)}
					onChange={(cameraId) => {
						remember({ cameraId });
						void devices.useCamera({ deviceId: cameraId });
					}}
				/>
			)}
			{opened.microphone && list.microphones.length > 1 && (
				<Chooser
					label={t('checkMicrophone')} list={list.microphones} value={current(opened.microphone)}
					onChange={(microphoneId) => {
						remember({ microphoneId });
						void devices.useMicrophone({ deviceId: microphoneId });
					}}
				/>
			)}
		</div>
	);
}

interface ChooserProps {
	label: string;
	list: MediaDeviceInfo[];
	value: string;
	onChange: (id: string) => void;
}
function Chooser({ label, list, value, onChange }: ChooserProps) {
	return (
		<label class="field">
			<span>{label}</span>
			<select value={value} onChange={(ev) => onChange(ev.currentTarget.value)}>
				{list.map((d, i) => (
					<option key={d.deviceId} value={d.deviceId}>
						{d.label || `${label} ${i + 1}`}
					</option>
				))}
			</select>
		</label>
	);
}
