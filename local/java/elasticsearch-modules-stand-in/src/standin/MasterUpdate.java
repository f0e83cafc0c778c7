package standin;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.action.support.master.AcknowledgedTransportMasterNodeAction;
import org.elasticsearch.action.support.master.MasterNodeRequest;
import org.elasticsearch.cluster.AckedClusterStateUpdateTask;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.block.ClusterBlockLevel;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.Writeable;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

/** An action that changes the cluster state on the master. */
public abstract class MasterUpdate<Request extends MasterNodeRequest<Request>>
    extends AcknowledgedTransportMasterNodeAction<Request> {
  MasterUpdate(
      String name,
      TransportService transport,
      ClusterService cluster,
      ThreadPool threads,
      ActionFilters filters,
      Writeable.Reader<Request> reader) {
    super(name, transport, cluster, threads, filters, reader, EsExecutors.DIRECT_EXECUTOR_SERVICE);
  }

  /** The state with the request carried out. */
  abstract ClusterState change(Request request, ClusterState state) throws Exception;

  @Override
  protected void masterOperation(
      Task task, Request request, ClusterState state, ActionListener<AcknowledgedResponse> listener) {
    clusterService.submitUnbatchedStateUpdateTask(
        actionName,
        new AckedClusterStateUpdateTask(request.masterNodeTimeout(), TimeValue.timeValueSeconds(30), listener) {
          @Override
          public ClusterState execute(ClusterState current) throws Exception {
            return change(request, current);
          }
        });
  }

  @Override
  protected ClusterBlockException checkBlock(Request request, ClusterState state) {
    return state.blocks().globalBlockedException(ClusterBlockLevel.METADATA_WRITE);
  }

  static ProjectMetadata project(ClusterState state) {
    return state.metadata().getProject(ProjectId.DEFAULT);
  }

  static ClusterState with(ClusterState state, String type, Metadata.ProjectCustom custom) {
    return ClusterState.builder(state)
        .putProjectMetadata(ProjectMetadata.builder(project(state)).putCustom(type, custom))
        .build();
  }
}
