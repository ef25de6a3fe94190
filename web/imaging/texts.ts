// The viewer's words. Errors say what is the matter with the image, and nothing of the patient.
import type { ImageErrorCode } from './errors';

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
	reset: ['复位', 'Reset'], cine: ['播放', 'Cine'], stop: ['停止', 'Stop'], rate: ['帧/秒', 'frames/s'], one: ['单幅', 'One'], pair: ['对比', 'Compare'], four: ['四幅', 'Four'], mpr: ['三平面', 'MPR'], linked: ['同步', 'Linked'],
	point: ['指示', 'Point'], arrow: ['箭头', 'Arrow'], line: ['测距', 'Length'], angle: ['测角', 'Angle'], ellipse: ['椭圆', 'Ellipse'], freehand: ['手绘', 'Draw'], text: ['文字', 'Text'], erase: ['擦除', 'Erase'], clear: ['全部清除', 'Clear all'],
	preset: ['窗位预设', 'Window preset'], image: ['图像', 'Image'], tools: ['图像工具', 'Image tools'], own: ['图像自带', 'As the image says'], projected: ['投影', 'projected'],
} satisfies Record<string, [string, string]>;

export type Word = keyof typeof WORDS;
export const word = (language: Language, key: Word): string => WORDS[key][language === 'zh' ? 0 : 1]!;
export const errorText = (language: Language, code: ImageErrorCode): string => ERRORS[code][language === 'zh' ? 0 : 1];
