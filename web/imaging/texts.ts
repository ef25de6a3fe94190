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
	tables: ['图像的查找表缺失或有误，不予显示', 'The lookup tables of the image are missing or lie: it is not shown'],
	unsupported: ['该图像格式无法准确显示', 'This kind of image cannot be shown exactly'],
	slow: ['图像解码超时', 'Decoding took too long'],
};

const WORDS = {
	loading: ['加载中…', 'Loading…'], coarse: ['尚非无损', 'Not lossless yet'], lossy: ['有损压缩', 'Lossy'], retry: ['重试', 'Try again'], empty: ['无图像', 'No image'],
	scroll: ['翻页', 'Scroll'], window: ['调窗', 'Window'], zoom: ['缩放', 'Zoom'], pan: ['移动', 'Pan'], rotate: ['旋转', 'Rotate'], flip: ['翻转', 'Flip'], invert: ['反相', 'Invert'],
	reset: ['复位', 'Reset'], cine: ['播放', 'Cine'], stop: ['停止', 'Stop'], rate: ['帧/秒', 'frames/s'], one: ['单幅', 'One'], pair: ['对比', 'Compare'], four: ['四幅', 'Four'], mpr: ['三平面', 'MPR'], cross: ['定位', 'Cross'], axial: ['横断面', 'Axial'], coronal: ['冠状面', 'Coronal'], sagittal: ['矢状面', 'Sagittal'], linked: ['同步', 'Linked'], linkPosition: ['按位置同步', 'Linked by position'], linkEnd: ['已到此序列末端', 'beyond the end of this stack'], linkMissing: ['按张同步：缺位置信息', 'Linked by image: no positions'], linkDiffers: ['按张同步：方位不同', 'Linked by image: other orientation'],
	point: ['指示', 'Point'], arrow: ['箭头', 'Arrow'], line: ['测距', 'Length'], angle: ['测角', 'Angle'], ellipse: ['椭圆', 'Ellipse'], freehand: ['手绘', 'Draw'], text: ['文字', 'Text'], erase: ['擦除', 'Erase'], clear: ['全部清除', 'Clear all'],
	slideComing: ['更清晰的图像加载中…', 'Finer tiles are coming…'], slideFar: ['该切片无更低分辨率层级，请放大', 'The slide has no coarser level: zoom in'], slideTiles: ['无法显示的图块', 'Tiles that cannot be shown'], slideLost: ['位置有误、不予显示的图块', 'Tiles beside the slide or one over another'], slideLevels: ['无法显示的层级', 'Levels that cannot be shown'], slideWhole: ['切片全貌', 'The whole slide'],
	refused: ['此序列中无法显示的图像', 'Images of this series that are not shown'],
	noScale: ['标度不明，不予显示', 'unit unknown, not shown'], calipers: ['卡尺', 'Calipers'], preset: ['窗位预设', 'Window preset'], image: ['图像', 'Image'], tools: ['图像工具', 'Image tools'], overlays: ['叠加层', 'Overlays'], overlaysHidden: ['叠加层已隐藏', 'Overlays hidden'], overlaysComing: ['叠加层加载中…', 'Overlays are coming…'], overlaysFail: ['叠加层无法显示', 'Overlays cannot be shown'], own: ['图像自带', 'As the image says'], projected: ['投影', 'projected'],
	marks: ['标记', 'Marks'], marksNone: ['不用存档标记', 'No archived marks'], marksKeys: ['关键图像', 'Marked images'], marksState: ['呈现状态', 'Presentation'], marksNobody: ['未记录作者', 'creator not recorded'],
	marksHidden: ['标记已隐藏', 'Marks hidden'], marksOther: ['此图不在其中', 'It does not name this image'], marksFail: ['存档标记：', 'Archived marks:'], marksMissing: ['幅不可取（不在桌上或已不存在）', 'not to be had (not on the table, or gone)'],
	marksMisses: ['未呈现：', 'Not shown of it:'], missLut: ['查找表', 'look-up table'], missSize: ['指定显示大小', 'its display size'], missAspect: ['像素宽高比', 'its pixel aspect'], missShutter: ['位图遮光', 'bitmap shutter'], missSubtraction: ['减影', 'subtraction'],
	missCompound: ['复合图形', 'compound graphics'], missStyle: ['线型与字体', 'styles of lines and text'], missIcc: ['ICC 色彩', 'ICC colours'], missDamaged: ['无效内容', 'invalid parts'], missMany: ['超出数量上限的部分', 'what is too much'],
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
