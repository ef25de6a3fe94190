// What the rest of the web may use of imaging, all behind one dynamic import.
export { Frames, type Frame } from './frames';
export { imageInfo } from './image-info';
export { hashOf } from './exact';
