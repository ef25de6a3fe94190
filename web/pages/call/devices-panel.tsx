// Another camera, microphone or loudspeaker in the middle of a call.
import { useEffect, useState } from 'preact/hooks';
import { listDevices, type Consult, type DeviceList, type Source } from '../../sdk/src';
import { t, type MessageKey } from '../i18n';
import { remember } from '../shared/choices';
import { PanelHead } from './chat-panel';
import { ConnectionDetails } from './connection';
import { PictureChoice } from './mixed-picture';
import { SoundChoice } from './sound-choice';

export function DevicesPanel(props: { consult: Consult; onClose: () => void; onNotice: (text: string) => void }) {
	const { consult } = props;
	const [list, setList] = useState<DeviceList>({ cameras: [], microphones: [], speakers: [] });
	useEffect(() => {
		const read = () => void listDevices().then(setList);
		read();
		return consult.on('devices', read);
	}, [consult]);
	const use = (source: Source) => (deviceId: string) => {
		remember(source === 'camera' ? { cameraId: deviceId } : { microphoneId: deviceId });
		void consult.switchDevice(source, { deviceId }).catch(() => props.onNotice(t('actionFailed')));
	};
	const canChooseSpeaker = typeof HTMLMediaElement.prototype.setSinkId === 'function';
	return (
		<aside class="panel" aria-label={t('devices')} onKeyDown={(ev) => ev.key === 'Escape' && props.onClose()}>
			<PanelHead consult={props.consult} title={t('devices')} onClose={props.onClose} />
			<div class="panel-body choosers">
				<Select name="checkCamera" list={list.cameras} value={consult.localTrack('camera')?.deviceId} onChange={use('camera')} />
				<Select
					name="checkMicrophone" list={list.microphones} value={consult.localTrack('microphone')?.deviceId}
					onChange={use('microphone')}
				/>
				{canChooseSpeaker && (
					<Select name="speakerDevice" list={list.speakers} value={undefined} onChange={(id) => void consult.audio.setSpeaker(id)} />
				)}
				<SoundChoice consult={consult} />
				<PictureChoice consult={consult} onNotice={props.onNotice} />
				<h3>{t('statsOwn')}</h3>
				<ConnectionDetails consult={consult} participant={consult.me.id} />
			</div>
		</aside>
	);
}

interface SelectProps {
	name: MessageKey;
	list: MediaDeviceInfo[];
	value: string | undefined;
	onChange: (id: string) => void;
}

function Select({ name, list, value, onChange }: SelectProps) {
	if (list.length === 0) return null;
	return (
		<label class="field">
			<span>{t(name)}</span>
			<select value={value} onChange={(ev) => onChange(ev.currentTarget.value)}>
				{list.map((d, i) => (
					<option key={d.deviceId} value={d.deviceId}>
						{d.label || `${t(name)} ${i + 1}`}
					</option>
				))}
			</select>
		</label>
	);
}
