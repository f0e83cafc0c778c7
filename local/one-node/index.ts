export {
  deleteOneNodeCluster,
  loadImage,
  oneNodeStatus,
  startOneNodeCluster,
  stopOneNodeCluster,
  type OneNodeStatus,
} from './cluster';
