package standin;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.PUT;
import static org.elasticsearch.rest.RestUtils.getAckTimeout;
import static org.elasticsearch.rest.RestUtils.getMasterNodeTimeout;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.datastreams.CreateDataStreamAction;
import org.elasticsearch.action.datastreams.DataStreamsActionUtil;
import org.elasticsearch.action.datastreams.DeleteDataStreamAction;
import org.elasticsearch.action.datastreams.GetDataStreamAction;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.local.TransportLocalProjectMetadataAction;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.action.support.master.AcknowledgedTransportMasterNodeAction;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.health.ClusterHealthStatus;
import org.elasticsearch.cluster.health.ClusterStateHealth;
import org.elasticsearch.cluster.metadata.ComposableIndexTemplate;
import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.MetadataCreateDataStreamService;
import org.elasticsearch.cluster.metadata.MetadataDeleteIndexService;
import org.elasticsearch.cluster.metadata.MetadataIndexTemplateService;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.index.Index;
import org.elasticsearch.index.IndexMode;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin.ActionHandler;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;

/** Creating, listing and deleting data streams with the server's own services. */
public final class DataStreams {
  private DataStreams() {}

  static List<ActionHandler> actions() {
    return List.of(
        new ActionHandler(CreateDataStreamAction.INSTANCE, Create.class),
        new ActionHandler(GetDataStreamAction.INSTANCE, Get.class),
        new ActionHandler(DeleteDataStreamAction.INSTANCE, Delete.class));
  }

  static List<RestHandler> handlers() {
    return List.of(
        new Endpoint(
            "data_stream_create",
            (request, client) -> {
              var create =
                  new CreateDataStreamAction.Request(
                      getMasterNodeTimeout(request), getAckTimeout(request), request.param("name"));
              return channel ->
                  client.execute(CreateDataStreamAction.INSTANCE, create, new RestToXContentListener<>(channel));
            },
            new Route(PUT, "/_data_stream/{name}")),
        new Endpoint(
            "data_stream_get",
            (request, client) -> {
              String[] names = Strings.splitStringByCommaToArray(request.param("name", "*"));
              var get = new GetDataStreamAction.Request(getMasterNodeTimeout(request), names);
              request.param("expand_wildcards");
              return channel ->
                  client.execute(GetDataStreamAction.INSTANCE, get, new RestToXContentListener<>(channel));
            },
            new Route(GET, "/_data_stream"),
            new Route(GET, "/_data_stream/{name}")),
        new Endpoint(
            "data_stream_delete",
            (request, client) -> {
              String[] names = Strings.splitStringByCommaToArray(request.param("name"));
              var delete = new DeleteDataStreamAction.Request(getMasterNodeTimeout(request), names);
              return channel ->
                  client.execute(DeleteDataStreamAction.INSTANCE, delete, new RestToXContentListener<>(channel));
            },
            new Route(DELETE, "/_data_stream/{name}")));
  }

  public static final class Create extends AcknowledgedTransportMasterNodeAction<CreateDataStreamAction.Request> {
    private final MetadataCreateDataStreamService service;

    @Inject
    public Create(
        TransportService transport,
        ClusterService cluster,
        ThreadPool threads,
        ActionFilters filters,
        MetadataCreateDataStreamService service) {
      super(
          CreateDataStreamAction.NAME,
          transport,
          cluster,
          threads,
          filters,
          CreateDataStreamAction.Request::new,
          EsExecutors.DIRECT_EXECUTOR_SERVICE);
      this.service = service;
    }

    @Override
    protected void masterOperation(
        Task task,
        CreateDataStreamAction.Request request,
        ClusterState state,
        ActionListener<AcknowledgedResponse> listener) {
      service.createDataStream(
          new MetadataCreateDataStreamService.CreateDataStreamClusterStateUpdateRequest(
              ProjectId.DEFAULT, request.getName(), null, request.masterNodeTimeout(), request.ackTimeout(), true),
          listener);
    }

    @Override
    protected ClusterBlockException checkBlock(CreateDataStreamAction.Request request, ClusterState state) {
      return null;
    }
  }

  public static final class Delete extends MasterUpdate<DeleteDataStreamAction.Request> {
    private final Settings settings;

    @Inject
    public Delete(TransportService transport, ClusterService cluster, ThreadPool threads, ActionFilters filters) {
      super(DeleteDataStreamAction.NAME, transport, cluster, threads, filters, DeleteDataStreamAction.Request::new);
      this.settings = cluster.getSettings();
    }

    @Override
    ClusterState change(DeleteDataStreamAction.Request request, ClusterState state) {
      ProjectMetadata.Builder metadata = ProjectMetadata.builder(project(state));
      Set<Index> indices = new HashSet<>();
      for (String name : request.getNames()) {
        DataStream stream = project(state).dataStreams().get(name);
        if (stream == null) throw new ResourceNotFoundException("data stream [" + name + "] not found");
        indices.addAll(stream.getIndices());
        metadata.removeDataStream(name);
      }
      ClusterState without = ClusterState.builder(state).putProjectMetadata(metadata).build();
      return MetadataDeleteIndexService.deleteIndices(without.projectState(ProjectId.DEFAULT), indices, settings);
    }
  }

  public static final class Get
      extends TransportLocalProjectMetadataAction<GetDataStreamAction.Request, GetDataStreamAction.Response> {
    private final IndexNameExpressionResolver resolver;

    @Inject
    public Get(
        TransportService transport,
        ClusterService cluster,
        ActionFilters filters,
        ProjectResolver projects,
        IndexNameExpressionResolver resolver) {
      super(
          GetDataStreamAction.NAME,
          filters,
          transport.getTaskManager(),
          cluster,
          EsExecutors.DIRECT_EXECUTOR_SERVICE,
          projects);
      this.resolver = resolver;
    }

    @Override
    protected void localClusterStateOperation(
        Task task,
        GetDataStreamAction.Request request,
        ProjectState state,
        ActionListener<GetDataStreamAction.Response> listener) {
      ProjectMetadata metadata = state.metadata();
      var names =
          DataStreamsActionUtil.getDataStreamNames(resolver, metadata, request.getNames(), request.indicesOptions());
      var infos =
          names.stream().sorted().map(name -> info(metadata, metadata.dataStreams().get(name))).toList();
      listener.onResponse(new GetDataStreamAction.Response(infos));
    }

    private static GetDataStreamAction.Response.DataStreamInfo info(ProjectMetadata metadata, DataStream stream) {
      String template = MetadataIndexTemplateService.findV2Template(metadata, stream.getName(), false);
      String policy = MetadataIndexTemplateService.resolveSettings(metadata, template).get("index.lifecycle.name");
      return new GetDataStreamAction.Response.DataStreamInfo(
          stream,
          false,
          ClusterHealthStatus.GREEN,
          template,
          policy,
          null,
          Map.of(),
          true,
          null,
          IndexMode.STANDARD.getName());
    }

    @Override
    protected ClusterBlockException checkBlock(GetDataStreamAction.Request request, ProjectState state) {
      return null;
    }
  }
}
