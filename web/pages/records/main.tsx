import { start } from '../shared/start';
import '../styles/console.css';
import '../styles/records-list.css';
import '../styles/records.css';
import { RecordsPage } from './records-page';

start(<RecordsPage />);
