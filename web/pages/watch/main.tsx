import { start } from '../shared/start';
import '../styles/call.css';
import '../styles/watch.css';
import { WatchPage } from './watch-page';

start(<WatchPage />);
