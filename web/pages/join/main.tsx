import { start } from '../shared/start';
import '../styles/join.css';
import '../styles/call.css';
import { JoinPage } from './join-page';

start(<JoinPage />);
