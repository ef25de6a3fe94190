// Ids of device profiles. No rendering in here.

/** As the gateway takes them: 1 to 64 of [A-Za-z0-9._-]. */
export const validId = (id: string): boolean => /^[A-Za-z0-9._-]{1,64}$/.test(id);

/** What can be kept of a name; a Chinese one leaves nothing: then somebody says one. */
export function idOf(name: string): string {
	return name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 64);
}
