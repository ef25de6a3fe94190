// Device profiles: where machines of a kind write who the patient is. docs/decisions/023-masks.md.
import { useEffect, useState } from 'preact/hooks';
import type { Mask, MaskFill } from '../../sdk/src';
import { MasksEditor } from '../call/masks-editor';
import { anyMask, MOST } from '../call/masks-model';
import { t } from '../i18n';
import { api, ApiError, type RestProfile } from '../shared/api';
import { usePoll } from '../shared/hooks';
import { Confirm } from '../shared/ui';
import { idOf, validId } from './devices-model';

const REFRESH_MS = 15_000;

interface DevicesProps {
	token: string;
	onExpired: () => void;
}

export function Devices({ token, onExpired }: DevicesProps) {
	const [profiles, setProfiles] = useState<RestProfile[] | null>(null);
	const [edited, setEdited] = useState<RestProfile | 'new' | null>(null);
	const [gone, setGone] = useState<RestProfile | null>(null);
	const [problem, setProblem] = useState('');
	const failed = (error: unknown) => {
		if (error instanceof ApiError && error.status === 401) onExpired();
		else setProblem(error instanceof ApiError && error.status === 0 ? t('networkErrorText') : t('requestFailed', { detail: error instanceof Error ? error.message : '' }));
	};
	const load = async () => {
		try {
			setProfiles((await api.profiles(token)).items);
			setProblem('');
		} catch (error) {
			failed(error);
		}
	};
	const refresh = usePoll(load, REFRESH_MS, [token]);
	const done = () => {
		setEdited(null);
		refresh();
	};
	return (
		<section class="devices" aria-label={t('devicesTitle')} data-testid="devices">
			<div class="block-head">
				<h1>{t('devicesTitle')}</h1>
				{edited === null && <button type="button" class="primary" data-testid="device-add" onClick={() => setEdited('new')}>{t('deviceAdd')}</button>}
			</div>
			<p class="hint">{t('devicesHow')}</p>
			<p class="problem-line" role="alert">{problem}</p>
			{edited !== null && (
				<DeviceForm
					key={edited === 'new' ? '' : edited.id} token={token} profile={edited === 'new' ? null : edited} taken={(profiles ?? []).map((p) => p.id)} onDone={done}
					onCancel={() => setEdited(null)} onFailed={failed}
				/>
			)}
			{profiles?.length === 0 && edited === null && <p class="hint">{t('devicesEmpty')}</p>}
			<ul class="device-list">
				{(profiles ?? []).map((p) => (
					<li key={p.id} class="device" data-testid="device" data-profile={p.id}>
						<Regions profile={p} />
						<div class="source-text">
							<strong class="source-name">{p.name}</strong>
							<span class="hint">{t('deviceRegions', { count: p.masks.length })} · <code>{p.id}</code></span>
						</div>
						<div class="source-actions">
							<button type="button" data-testid="device-edit" aria-label={t('deviceEditName', { name: p.name })} onClick={() => setEdited(p)}>{t('deviceEdit')}</button>
							<button type="button" data-testid="device-remove" aria-label={t('deviceRemoveName', { name: p.name })} onClick={() => setGone(p)}>{t('sourceRemove')}</button>
						</div>
					</li>
				))}
			</ul>
			{gone && (
				<Confirm
					text={t('deviceRemoveConfirm', { name: gone.name })} yes={t('sourceRemove')} no={t('cancel')} onNo={() => setGone(null)}
					onYes={() => {
						setGone(null);
						void api.removeProfile(token, gone.id).catch(failed).then(refresh);
					}}
				/>
			)}
		</section>
	);
}

/** Its regions on an empty picture. */
function Regions({ profile }: { profile: RestProfile }) {
	return (
		<svg class={`device-regions ${profile.fill ?? 'black'}`} viewBox="0 0 160 90" aria-hidden="true">
			{profile.masks.map((m, i) => <rect key={i} x={m.x * 160} y={m.y * 90} width={m.w * 160} height={m.h * 90} />)}
		</svg>
	);
}

interface FormProps {
	token: string;
	/** Null: a new one. */
	profile: RestProfile | null;
	taken: string[];
	onDone: () => void;
	onCancel: () => void;
	onFailed: (error: unknown) => void;
}

function DeviceForm({ token, profile, taken, onDone, onCancel, onFailed }: FormProps) {
	const [name, setName] = useState(profile?.name ?? '');
	const [short, setShort] = useState<string | null>(profile?.id ?? null); // null: follows from the name
	const [fill, setFill] = useState<MaskFill>(profile?.fill ?? 'black');
	const [masks, setMasks] = useState<Mask[]>(profile?.masks ?? []);
	const [busy, setBusy] = useState(false);
	const [backdrop, choose] = useBackdrop();
	const id = short ?? idOf(name);
	const full = masks.length >= MOST;
	const bad = profile || !id ? '' : !validId(id) ? t('deviceIdBad') : taken.includes(id) ? t('deviceTaken') : '';
	const submit = (ev: Event) => {
		ev.preventDefault();
		setBusy(true);
		api.putProfile(token, id, { name: name.trim(), fill, masks }).then(onDone, onFailed).finally(() => setBusy(false));
	};
	return (
		<form class="block device-form" data-testid="device-form" onSubmit={submit}>
			<label class="field">
				<span>{t('deviceName')}</span>
				<input type="text" value={name} maxLength={80} required data-testid="device-name" onInput={(ev) => setName(ev.currentTarget.value)} />
			</label>
			{!profile && (
				<label class="field">
					<span>{t('deviceId')}</span>
					<input type="text" value={id} maxLength={64} required autocapitalize="off" spellcheck={false} data-testid="device-id" onInput={(ev) => setShort(ev.currentTarget.value)} />
				</label>
			)}
			{bad && <p class="problem-line" role="alert">{bad}</p>}
			<MasksEditor consult={null} track={null} backdrop={backdrop} label={name || t('devicesTitle')} fill={fill} masks={masks} device={[]} full={full} onChange={setMasks} />
			<p class="hint">{t('masksHow')}</p>
			<div class="row">
				<button type="button" disabled={full} data-testid="device-mask-add" onClick={() => setMasks([...masks, anyMask()])}>{t('masksAdd')}</button>
				<button type="button" disabled={!masks.length} onClick={() => setMasks([])}>{t('masksClear')}</button>
			</div>
			<label class="field">
				<span>{t('deviceBackdrop')}</span>
				<input type="file" accept="image/*" data-testid="device-backdrop" onChange={(ev) => choose(ev.currentTarget.files?.[0] ?? null)} />
			</label>
			<label class="field">
				<span>{t('masksFill')}</span>
				<select value={fill} onChange={(ev) => setFill(ev.currentTarget.value === 'grey' ? 'grey' : 'black')}>
					<option value="black">{t('masksBlack')}</option>
					<option value="grey">{t('masksGrey')}</option>
				</select>
			</label>
			<p class="hint">{t(masks.length ? 'deviceSaveHow' : 'deviceNeeds')}</p>
			<div class="row">
				<button type="submit" class="primary" disabled={busy || !masks.length || !name.trim() || !id || bad !== ''} data-testid="device-save">{t('deviceSave')}</button>
				<button type="button" onClick={onCancel}>{t('cancel')}</button>
			</div>
		</form>
	);
}

/** A picture of this computer to draw on: it is shown here and sent nowhere. */
function useBackdrop(): [string | null, (file: File | null) => void] {
	const [url, setUrl] = useState<string | null>(null);
	useEffect(() => () => void (url && URL.revokeObjectURL(url)), [url]);
	return [url, (file) => setUrl(file ? URL.createObjectURL(file) : null)];
}
