export {
  deleteOneNodeCluster,
  loadImage,
  oneNodeStatus,
  startOneNodeCluster,
  stopOneNodeCluster,
  whileInUse,
  type OneNodeStatus,
} from './cluster';
