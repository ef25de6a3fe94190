// What is painted over of each source before viewers see it: regions drawn here, those of the device, and whether it may be shown without.
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { Broadcast, BroadcastMasks, BroadcastSource, Consult, Mask, MaskFill } from '../../sdk/src';
import { t } from '../i18n';
import { api, type RestProfile } from '../shared/api';
import { tokenOf } from '../shared/enter';
import { PanelHead } from './chat-panel';
import { MasksEditor } from './masks-editor';
import { anyMask, masksOf, MOST, sameSource, TABLE } from './masks-model';

interface PanelProps {
	consult: Consult;
	onClose: () => void;
	onNotice: (text: string) => void;
}

export function sourceName(consult: Consult, source: BroadcastSource): string {
	if (source.participant === TABLE) return t('imagesOnTable');
	const person = consult.participants.find((p) => p.id === source.participant);
	return `${person?.name ?? source.participant} · ${t(`source_${source.source}`)}`;
}

const keyOf = (source: BroadcastSource): string => `${source.participant}/${source.source}`;

export function MasksPanel({ consult, onClose, onNotice }: PanelProps) {
	const { desk } = consult.broadcast;
	const [key, setKey] = useState('');
	const token = tokenOf(consult);
	const sources = desk?.sources ?? [];
	const source = sources.find((s) => keyOf(s) === key) ?? desk?.on_air ?? sources[0];
	return (
		<aside class="panel masks-panel" aria-label={t('masks')} data-testid="masks-panel" onKeyDown={(ev) => ev.key === 'Escape' && onClose()}>
			<PanelHead consult={consult} title={t('masks')} onClose={onClose} />
			<div class="panel-body" tabIndex={0} role="region" aria-label={t('masks')}>
				{!desk || !source || !token ? (
					<p class="hint">{t('masksNoSource')}</p>
				) : (
					<>
						<label class="desk-field">
							{t('masksSource')}
							<select value={keyOf(source)} data-testid="masks-source" onChange={(ev) => setKey(ev.currentTarget.value)}>
								{sources.map((s) => <option key={keyOf(s)} value={keyOf(s)}>{sourceName(consult, s)}</option>)}
							</select>
						</label>
						<SourceMasks key={keyOf(source)} consult={consult} desk={desk} source={source} token={token} onNotice={onNotice} />
					</>
				)}
			</div>
		</aside>
	);
}

interface SourceProps {
	consult: Consult;
	desk: Broadcast;
	source: BroadcastSource;
	token: string;
	onNotice: (text: string) => void;
}

/** All of them, for the choice; none where they cannot be had. */
function useProfiles(token: string): RestProfile[] {
	const [profiles, setProfiles] = useState<RestProfile[]>([]);
	useEffect(() => {
		let here = true;
		api.profiles(token).then((list) => here && setProfiles(list.items), () => undefined);
		return () => {
			here = false;
		};
	}, [token]);
	return profiles;
}

const same = (a: Draft, b: Draft): boolean => JSON.stringify(a) === JSON.stringify(b);

interface Draft {
	masks: Mask[];
	identified: boolean;
	fill: MaskFill;
	profile: string;
}

const draftOf = ({ masks, identified, fill, profile }: BroadcastMasks): Draft => ({ masks, identified, fill, profile });

function SourceMasks({ consult, desk, source, token, onNotice }: SourceProps) {
	const known = masksOf(desk, source);
	const [draft, setDraft] = useState<Draft>(draftOf(known));
	const [busy, setBusy] = useState(false);
	const profiles = useProfiles(token);
	useLayoutEffect(() => setDraft(draftOf(known)), [known.version]); // somebody at another desk, or this one's answer
	const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
	const profile = profiles.find((p) => p.id === draft.profile);
	const device = profile?.masks ?? (draft.profile === known.profile ? known.device : []);
	const track = consult.remoteTracks.find((r) => r.kind === 'video' && sameSource(r, source) && !r.muted && r.mediaStreamTrack);
	const full = draft.masks.length + device.length >= MOST;
	const save = () => {
		setBusy(true);
		const { participant } = source;
		api.setMasks(token, consult.id, { participant, source: source.source, ...draft, profile: draft.profile || null })
			.then(() => onNotice(t('masksSaved')), () => onNotice(t('actionFailed')))
			.finally(() => setBusy(false));
	};
	return (
		<>
			<MasksEditor
				consult={consult} track={track?.id ?? null} label={sourceName(consult, source)} fill={draft.fill} masks={draft.masks} device={device} full={full}
				onChange={(masks) => change({ masks })}
			/>
			<p class="hint">{t('masksHow')}</p>
			<div class="desk-actions">
				<button type="button" disabled={full} data-testid="masks-add" onClick={() => change({ masks: [...draft.masks, anyMask()] })}>{t('masksAdd')}</button>
				<button type="button" disabled={!draft.masks.length} data-testid="masks-clear" onClick={() => change({ masks: [] })}>{t('masksClear')}</button>
			</div>
			<label class="desk-field">
				{t('masksProfile')}
				<select value={draft.profile} data-testid="masks-profile" onChange={(ev) => change({ profile: ev.currentTarget.value, identified: draft.identified || ev.currentTarget.value !== '' })}>
					<option value="">{t('masksProfileNone')}</option>
					{draft.profile && !profile && <option value={draft.profile}>{draft.profile}</option>}
					{profiles.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
				</select>
			</label>
			<label class="desk-field">
				{t('masksFill')}
				<select value={draft.fill} data-testid="masks-fill" onChange={(ev) => change({ fill: ev.currentTarget.value === 'grey' ? 'grey' : 'black' })}>
					<option value="black">{t('masksBlack')}</option>
					<option value="grey">{t('masksGrey')}</option>
				</select>
			</label>
			<label class="desk-check">
				<input
					type="checkbox" checked={draft.identified} disabled={draft.profile !== ''} data-testid="masks-identified"
					onChange={(ev) => change({ identified: ev.currentTarget.checked })}
				/>
				{t('masksIdentified')}
			</label>
			<button type="button" class="primary" disabled={busy || same(draft, draftOf(known))} data-testid="masks-save" onClick={save}>{t('masksSave')}</button>
			<p class="hint" role="status" data-testid="masks-now" data-version={known.version}>
				{t(!same(draft, draftOf(known)) ? 'masksUnsaved' : desk.masks_confirmed_ms === null ? 'masksSetting' : 'masksInForce')}
			</p>
		</>
	);
}
