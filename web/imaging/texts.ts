// The viewer's words. Errors say what is the matter with the image, and nothing of the patient.
import type { ImageErrorCode } from './errors';
import type { NoVolume } from './volume';

export type Language = 'zh' | 'en';

const ERRORS: Record<ImageErrorCode, [string, string]> = {
	cancelled: ['已取消', 'Cancelled'],
	denied: ['无权查看该图像', 'You may not see this image'],
	gone: ['图像已不在影像系统中', 'The image is not in the archive any more'],
	busy: ['影像系统繁忙，请重试', 'The archive is busy: try again'],
	network: ['网络中断，图像未取回', 'The network broke off: the image did not come'],
	not_image: ['影像系统返回的不是图像', 'The archive sent something that is no image'],
	too_big: ['图像过大，无法显示', 'The image is too large to be shown'],
	damaged: ['图像数据损坏，不予显示', 'The image is damaged and is not shown'],
	disagrees: ['图像数据与说明不符，不予显示', 'The image is not what its header says and is not shown'],
	unsupported: ['该图像格式无法准确显示', 'This kind of image cannot be shown exactly'],
	slow: ['图像解码超时', 'Decoding took too long'],
};

const WORDS = {
	loading: ['加载中…', 'Loading…'], coarse: ['尚非无损', 'Not lossless yet'], lossy: ['有损压缩', 'Lossy'], retry: ['重试', 'Try again'], empty: ['无图像', 'No image'],
	scroll: ['翻页', 'Scroll'], window: ['调窗', 'Window'], zoom: ['缩放', 'Zoom'], pan: ['移动', 'Pan'], rotate: ['旋转', 'Rotate'], flip: ['翻转', 'Flip'], invert: ['反相', 'Invert'],
	reset: ['复位', 'Reset'], cine: ['播放', 'Cine'], stop: ['停止', 'Stop'], rate: ['帧/秒', 'frames/s'], one: ['单幅', 'One'], pair: ['对比', 'Compare'], four: ['四幅', 'Four'], mpr: ['三平面', 'MPR'], cross: ['定位', 'Cross'], axial: ['横断面', 'Axial'], coronal: ['冠状面', 'Coronal'], sagittal: ['矢状面', 'Sagittal'], linked: ['同步', 'Linked'],
	point: ['指示', 'Point'], arrow: ['箭头', 'Arrow'], line: ['测距', 'Length'], angle: ['测角', 'Angle'], ellipse: ['椭圆', 'Ellipse'], freehand: ['手绘', 'Draw'], text: ['文字', 'Text'], erase: ['擦除', 'Erase'], clear: ['全部清除', 'Clear all'],
	noScale: ['标度不明，不予显示', 'unit unknown, not shown'], calipers: ['卡尺', 'Calipers'], preset: ['窗位预设', 'Window preset'], image: ['图像', 'Image'], tools: ['图像工具', 'Image tools'], overlays: ['叠加层', 'Overlays'], overlaysHidden: ['叠加层已隐藏', 'Overlays hidden'], overlaysComing: ['叠加层加载中…', 'Overlays are coming…'], overlaysFail: ['叠加层无法显示', 'Overlays cannot be shown'], own: ['图像自带', 'As the image says'], projected: ['投影', 'projected'],
} satisfies Record<string, [string, string]>;

const NO_VOLUME: Record<NoVolume, [string, string]> = {
	few: ['图像太少，无法重建三平面', 'Too few images for planes across them'],
	colour: ['彩色图像不作三平面重建', 'No planes across colour images'],
	geometry: ['图像未给出一致的方位或间距，无法重建', 'The images do not say, or not alike, how they lie: no planes across them'],
	sizes: ['各层大小或位数不同，无法重建', 'The slices differ in size or depth: no planes across them'],
	tilted: ['各层位置有倾斜偏移，无法重建', 'The stack is tilted: no planes across it'],
	steps: ['层间距不等，无法重建', 'The slices are not equally far apart: no planes across them'],
	values: ['各层灰度标度不同，无法重建', 'The slices have different scales of values: no planes across them'],
	large: ['图像过多，无法重建', 'The stack is too large for planes across it'],
};
export const volumeText = (language: Language, reason: NoVolume): string => NO_VOLUME[reason][language === 'zh' ? 0 : 1];

export type Word = keyof typeof WORDS;
export const word = (language: Language, key: Word): string => WORDS[key][language === 'zh' ? 0 : 1]!;
export const errorText = (language: Language, code: ImageErrorCode): string => ERRORS[code][language === 'zh' ? 0 : 1];
