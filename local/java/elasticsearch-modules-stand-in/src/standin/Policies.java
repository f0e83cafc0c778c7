package standin;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.PUT;
import static org.elasticsearch.rest.RestUtils.getAckTimeout;
import static org.elasticsearch.rest.RestUtils.getMasterNodeTimeout;

import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.local.TransportLocalProjectMetadataAction;
import org.elasticsearch.action.support.master.TransportMasterNodeAction;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ProjectState;
import org.elasticsearch.cluster.block.ClusterBlockException;
import org.elasticsearch.cluster.metadata.ItemUsage;
import org.elasticsearch.cluster.project.ProjectResolver;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin.ActionHandler;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.action.RestChunkedToXContentListener;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xpack.core.ilm.*;
import org.elasticsearch.xpack.core.ilm.action.DeleteLifecycleAction;
import org.elasticsearch.xpack.core.ilm.action.GetLifecycleAction;
import org.elasticsearch.xpack.core.ilm.action.ILMActions;
import org.elasticsearch.xpack.core.ilm.action.PutLifecycleRequest;
import org.elasticsearch.xpack.core.slm.SnapshotLifecycleMetadata;
import org.elasticsearch.xpack.core.slm.SnapshotLifecyclePolicyItem;
import org.elasticsearch.xpack.core.slm.SnapshotLifecyclePolicyMetadata;
import org.elasticsearch.xpack.core.slm.SnapshotLifecycleStats;
import org.elasticsearch.xpack.core.slm.action.DeleteSnapshotLifecycleAction;
import org.elasticsearch.xpack.core.slm.action.GetSnapshotLifecycleAction;
import org.elasticsearch.xpack.core.slm.action.PutSnapshotLifecycleAction;

/** Index and snapshot lifecycle policies: kept and returned, never executed. */
public final class Policies {
  private Policies() {}

  static List<ActionHandler> actions() {
    return List.of(
        new ActionHandler(ILMActions.PUT, PutIlm.class),
        new ActionHandler(GetLifecycleAction.INSTANCE, GetIlm.class),
        new ActionHandler(DeleteLifecycleAction.INSTANCE, DeleteIlm.class),
        new ActionHandler(PutSnapshotLifecycleAction.INSTANCE, PutSlm.class),
        new ActionHandler(GetSnapshotLifecycleAction.INSTANCE, GetSlm.class),
        new ActionHandler(DeleteSnapshotLifecycleAction.INSTANCE, DeleteSlm.class));
  }

  /** The actions of the official module, with the parsers of x-pack core. */
  static List<NamedXContentRegistry.Entry> lifecycleActions() {
    List<NamedXContentRegistry.Entry> entries = new ArrayList<>();
    entries.add(
        new NamedXContentRegistry.Entry(
            LifecycleType.class,
            new ParseField(TimeseriesLifecycleType.TYPE),
            parser -> TimeseriesLifecycleType.INSTANCE));
    entries.add(action(AllocateAction.NAME, AllocateAction::parse));
    entries.add(action(DeleteAction.NAME, DeleteAction::parse));
    entries.add(action(ForceMergeAction.NAME, ForceMergeAction::parse));
    entries.add(action(MigrateAction.NAME, MigrateAction::parse));
    entries.add(action(ReadOnlyAction.NAME, ReadOnlyAction::parse));
    entries.add(action(RolloverAction.NAME, RolloverAction::parse));
    entries.add(action(SearchableSnapshotAction.NAME, SearchableSnapshotAction::parse));
    entries.add(action(SetPriorityAction.NAME, SetPriorityAction::parse));
    entries.add(action(ShrinkAction.NAME, ShrinkAction::parse));
    entries.add(action(UnfollowAction.NAME, UnfollowAction::parse));
    entries.add(action(WaitForSnapshotAction.NAME, WaitForSnapshotAction::parse));
    entries.add(action(DownsampleAction.NAME, DownsampleAction::parse));
    return entries;
  }

  private static NamedXContentRegistry.Entry action(
      String name, org.elasticsearch.core.CheckedFunction<org.elasticsearch.xcontent.XContentParser, LifecycleAction, java.io.IOException> parse) {
    return new NamedXContentRegistry.Entry(LifecycleAction.class, new ParseField(name), parse);
  }

  static List<RestHandler> handlers() {
    return List.of(
        new Endpoint(
            "ilm_put",
            (request, client) -> {
              try (var parser = request.contentParser()) {
                var put =
                    PutLifecycleRequest.parseRequest(
                        new PutLifecycleRequest.Factory() {
                          public PutLifecycleRequest create(LifecyclePolicy policy) {
                            return new PutLifecycleRequest(getMasterNodeTimeout(request), getAckTimeout(request), policy);
                          }

                          public String getPolicyName() {
                            return request.param("name");
                          }
                        },
                        parser);
                return channel -> client.execute(ILMActions.PUT, put, new RestToXContentListener<>(channel));
              }
            },
            new Route(PUT, "/_ilm/policy/{name}")),
        new Endpoint(
            "ilm_get",
            (request, client) -> {
              var names = Strings.splitStringByCommaToArray(request.param("name", ""));
              var get = new GetLifecycleAction.Request(getMasterNodeTimeout(request), names);
              return channel ->
                  client.execute(GetLifecycleAction.INSTANCE, get, new RestChunkedToXContentListener<>(channel));
            },
            new Route(GET, "/_ilm/policy"),
            new Route(GET, "/_ilm/policy/{name}")),
        new Endpoint(
            "ilm_delete",
            (request, client) -> {
              var delete =
                  new DeleteLifecycleAction.Request(
                      getMasterNodeTimeout(request), getAckTimeout(request), request.param("name"));
              return channel ->
                  client.execute(DeleteLifecycleAction.INSTANCE, delete, new RestToXContentListener<>(channel));
            },
            new Route(DELETE, "/_ilm/policy/{name}")),
        new Endpoint(
            "slm_put",
            (request, client) -> {
              try (var parser = request.contentParser()) {
                var put =
                    PutSnapshotLifecycleAction.Request.parseRequest(
                        getMasterNodeTimeout(request), getAckTimeout(request), request.param("name"), parser);
                return channel ->
                    client.execute(PutSnapshotLifecycleAction.INSTANCE, put, new RestToXContentListener<>(channel));
              }
            },
            new Route(PUT, "/_slm/policy/{name}")),
        new Endpoint(
            "slm_get",
            (request, client) -> {
              var names = Strings.splitStringByCommaToArray(request.param("name", ""));
              var get =
                  new GetSnapshotLifecycleAction.Request(getMasterNodeTimeout(request), getAckTimeout(request), names);
              return channel ->
                  client.execute(GetSnapshotLifecycleAction.INSTANCE, get, new RestToXContentListener<>(channel));
            },
            new Route(GET, "/_slm/policy"),
            new Route(GET, "/_slm/policy/{name}")),
        new Endpoint(
            "slm_delete",
            (request, client) -> {
              var delete =
                  new DeleteSnapshotLifecycleAction.Request(
                      getMasterNodeTimeout(request), getAckTimeout(request), request.param("name"));
              return channel ->
                  client.execute(
                      DeleteSnapshotLifecycleAction.INSTANCE, delete, new RestToXContentListener<>(channel));
            },
            new Route(DELETE, "/_slm/policy/{name}")));
  }

  public static final class PutIlm extends MasterUpdate<PutLifecycleRequest> {
    @Inject
    public PutIlm(TransportService transport, ClusterService cluster, ThreadPool threads, ActionFilters filters) {
      super(ILMActions.PUT.name(), transport, cluster, threads, filters, PutLifecycleRequest::new);
    }

    @Override
    ClusterState change(PutLifecycleRequest request, ClusterState state) {
      LifecyclePolicy policy = request.getPolicy();
      policy.validate();
      var current = project(state).custom(IndexLifecycleMetadata.TYPE, IndexLifecycleMetadata.EMPTY);
      Map<String, LifecyclePolicyMetadata> policies = new HashMap<>(current.getPolicyMetadatas());
      var before = policies.get(policy.getName());
      long version = before == null ? 1 : before.getVersion() + 1;
      policies.put(policy.getName(), new LifecyclePolicyMetadata(policy, Map.of(), version, System.currentTimeMillis()));
      return with(state, IndexLifecycleMetadata.TYPE, new IndexLifecycleMetadata(policies, OperationMode.RUNNING));
    }
  }

  public static final class DeleteIlm extends MasterUpdate<DeleteLifecycleAction.Request> {
    @Inject
    public DeleteIlm(TransportService transport, ClusterService cluster, ThreadPool threads, ActionFilters filters) {
      super(DeleteLifecycleAction.NAME, transport, cluster, threads, filters, DeleteLifecycleAction.Request::new);
    }

    @Override
    ClusterState change(DeleteLifecycleAction.Request request, ClusterState state) {
      String name = request.getPolicyName();
      List<String> users =
          project(state).indices().values().stream()
              .filter(index -> name.equals(index.getLifecyclePolicyName()))
              .map(index -> index.getIndex().getName())
              .toList();
      if (users.isEmpty() == false) {
        throw new IllegalArgumentException("Cannot delete policy [" + name + "]. It is in use by one or more indices: " + users);
      }
      var current = project(state).custom(IndexLifecycleMetadata.TYPE, IndexLifecycleMetadata.EMPTY);
      Map<String, LifecyclePolicyMetadata> policies = new HashMap<>(current.getPolicyMetadatas());
      if (policies.remove(name) == null) {
        throw new ResourceNotFoundException("Lifecycle policy not found: {}", name);
      }
      return with(state, IndexLifecycleMetadata.TYPE, new IndexLifecycleMetadata(policies, OperationMode.RUNNING));
    }
  }

  public static final class GetIlm
      extends TransportLocalProjectMetadataAction<GetLifecycleAction.Request, GetLifecycleAction.Response> {
    @Inject
    public GetIlm(
        TransportService transport, ClusterService cluster, ActionFilters filters, ProjectResolver projects) {
      super(
          GetLifecycleAction.NAME,
          filters,
          transport.getTaskManager(),
          cluster,
          EsExecutors.DIRECT_EXECUTOR_SERVICE,
          projects);
    }

    @Override
    protected void localClusterStateOperation(
        Task task,
        GetLifecycleAction.Request request,
        ProjectState state,
        ActionListener<GetLifecycleAction.Response> listener) {
      var current = state.metadata().custom(IndexLifecycleMetadata.TYPE, IndexLifecycleMetadata.EMPTY);
      var wanted = List.of(request.getPolicyNames());
      var items =
          current.getPolicyMetadatas().values().stream()
              .filter(policy -> wanted.isEmpty() || wanted.contains(policy.getName()))
              .map(
                  policy ->
                      new GetLifecycleAction.LifecyclePolicyResponseItem(
                          policy.getPolicy(),
                          policy.getVersion(),
                          policy.getModifiedDateString(),
                          new ItemUsage(List.of(), List.of(), List.of())))
              .toList();
      if (items.isEmpty() && wanted.isEmpty() == false) {
        throw new ResourceNotFoundException("Lifecycle policy not found: {}", wanted);
      }
      listener.onResponse(new GetLifecycleAction.Response(items));
    }

    @Override
    protected ClusterBlockException checkBlock(GetLifecycleAction.Request request, ProjectState state) {
      return null;
    }
  }

  public static final class PutSlm extends MasterUpdate<PutSnapshotLifecycleAction.Request> {
    @Inject
    public PutSlm(TransportService transport, ClusterService cluster, ThreadPool threads, ActionFilters filters) {
      super(PutSnapshotLifecycleAction.NAME, transport, cluster, threads, filters, PutSnapshotLifecycleAction.Request::new);
    }

    @Override
    ClusterState change(PutSnapshotLifecycleAction.Request request, ClusterState state) {
      var policy = request.getLifecycle();
      var repositories = org.elasticsearch.cluster.metadata.RepositoriesMetadata.get(state);
      if (repositories.repository(policy.getRepository()) == null) {
        throw new IllegalArgumentException("no such repository [" + policy.getRepository() + "]");
      }
      var current = project(state).custom(SnapshotLifecycleMetadata.TYPE, SnapshotLifecycleMetadata.EMPTY);
      Map<String, SnapshotLifecyclePolicyMetadata> policies = new HashMap<>(current.getSnapshotConfigurations());
      var before = policies.get(policy.getId());
      policies.put(
          policy.getId(),
          SnapshotLifecyclePolicyMetadata.builder()
              .setPolicy(policy)
              .setHeaders(Map.of())
              .setVersion(before == null ? 1 : before.getVersion() + 1)
              .setModifiedDate(Clock.systemUTC().millis())
              .build());
      return with(
          state,
          SnapshotLifecycleMetadata.TYPE,
          new SnapshotLifecycleMetadata(policies, OperationMode.RUNNING, new SnapshotLifecycleStats()));
    }
  }

  public static final class DeleteSlm extends MasterUpdate<DeleteSnapshotLifecycleAction.Request> {
    @Inject
    public DeleteSlm(TransportService transport, ClusterService cluster, ThreadPool threads, ActionFilters filters) {
      super(
          DeleteSnapshotLifecycleAction.NAME, transport, cluster, threads, filters, DeleteSnapshotLifecycleAction.Request::new);
    }

    @Override
    ClusterState change(DeleteSnapshotLifecycleAction.Request request, ClusterState state) {
      var current = project(state).custom(SnapshotLifecycleMetadata.TYPE, SnapshotLifecycleMetadata.EMPTY);
      Map<String, SnapshotLifecyclePolicyMetadata> policies = new HashMap<>(current.getSnapshotConfigurations());
      if (policies.remove(request.getLifecycleId()) == null) {
        throw new ResourceNotFoundException("snapshot lifecycle policy not found: {}", request.getLifecycleId());
      }
      return with(
          state,
          SnapshotLifecycleMetadata.TYPE,
          new SnapshotLifecycleMetadata(policies, OperationMode.RUNNING, new SnapshotLifecycleStats()));
    }
  }

  public static final class GetSlm
      extends TransportMasterNodeAction<GetSnapshotLifecycleAction.Request, GetSnapshotLifecycleAction.Response> {
    @Inject
    public GetSlm(TransportService transport, ClusterService cluster, ThreadPool threads, ActionFilters filters) {
      super(
          GetSnapshotLifecycleAction.NAME,
          transport,
          cluster,
          threads,
          filters,
          GetSnapshotLifecycleAction.Request::new,
          GetSnapshotLifecycleAction.Response::new,
          EsExecutors.DIRECT_EXECUTOR_SERVICE);
    }

    @Override
    protected void masterOperation(
        Task task,
        GetSnapshotLifecycleAction.Request request,
        ClusterState state,
        ActionListener<GetSnapshotLifecycleAction.Response> listener) {
      var current = MasterUpdate.project(state).custom(SnapshotLifecycleMetadata.TYPE, SnapshotLifecycleMetadata.EMPTY);
      var wanted = List.of(request.getLifecycleIds());
      var items =
          current.getSnapshotConfigurations().values().stream()
              .filter(policy -> wanted.isEmpty() || wanted.contains(policy.getId()))
              .map(
                  policy ->
                      new SnapshotLifecyclePolicyItem(
                          policy, null, new SnapshotLifecycleStats.SnapshotPolicyStats(policy.getId())))
              .toList();
      if (items.isEmpty() && wanted.isEmpty() == false) {
        throw new ResourceNotFoundException("snapshot lifecycle policy or policies {} not found", wanted);
      }
      listener.onResponse(new GetSnapshotLifecycleAction.Response(items));
    }

    @Override
    protected ClusterBlockException checkBlock(GetSnapshotLifecycleAction.Request request, ClusterState state) {
      return null;
    }
  }
}
