// In the place of xmlbuilder2, which vtk.js' readers of XML meshes want, and which wants Node's events: no mesh is read here.
export const create = (): never => {
	throw new Error('no XML meshes in this viewer');
};
