import { start } from '../shared/start';
import '../styles/call.css';
import '../styles/console.css';
import '../styles/records-list.css';
import '../styles/theatre.css';
import { ConsolePage } from './console-page';

start(<ConsolePage />);
