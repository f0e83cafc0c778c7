package standin;

import static org.elasticsearch.rest.RestRequest.Method.POST;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.bulk.BulkItemResponse;
import org.elasticsearch.action.bulk.BulkRequest;
import org.elasticsearch.action.delete.DeleteRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.HandledTransportAction;
import org.elasticsearch.action.support.WriteRequest.RefreshPolicy;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.util.concurrent.EsExecutors;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.reindex.BulkByScrollResponse;
import org.elasticsearch.index.reindex.BulkByScrollTask;
import org.elasticsearch.index.reindex.DeleteByQueryAction;
import org.elasticsearch.index.reindex.DeleteByQueryRequest;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.plugins.ActionPlugin.ActionHandler;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestBuilderListener;
import org.elasticsearch.search.SearchHit;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.XContentBuilder;

/** Deleting what a query finds, batch by batch; the server itself replaces the rules of a synonyms set with it. */
public final class DeleteByQuery {
  private static final int BATCH = 1_000;

  private DeleteByQuery() {}

  static List<ActionHandler> actions() {
    return List.of(new ActionHandler(DeleteByQueryAction.INSTANCE, Delete.class));
  }

  static List<RestHandler> handlers() {
    return List.of(
        new Endpoint(
            "delete_by_query",
            (request, client) -> {
              DeleteByQueryRequest delete = parse(request);
              return channel ->
                  client.execute(
                      DeleteByQueryAction.INSTANCE,
                      delete,
                      new RestBuilderListener<BulkByScrollResponse>(channel) {
                        @Override
                        public RestResponse buildResponse(BulkByScrollResponse answer, XContentBuilder builder)
                            throws IOException {
                          builder.startObject();
                          answer.toXContent(builder, request);
                          return new RestResponse(status(answer), builder.endObject());
                        }
                      });
            },
            new Route(POST, "/{index}/_delete_by_query")));
  }

  private static RestStatus status(BulkByScrollResponse answer) {
    return answer.getBulkFailures().stream().map(BulkItemResponse.Failure::getStatus).findFirst().orElse(RestStatus.OK);
  }

  private static DeleteByQueryRequest parse(RestRequest request) throws IOException {
    var delete = new DeleteByQueryRequest(Strings.splitStringByCommaToArray(request.param("index")));
    delete.setRefresh(request.paramAsBoolean("refresh", false));
    try (var parser = request.contentParser()) {
      delete.getSearchRequest().source(new SearchSourceBuilder().parseXContent(parser, true, feature -> true));
    }
    return delete;
  }

  public static final class Delete extends HandledTransportAction<DeleteByQueryRequest, BulkByScrollResponse> {
    private final Client client;

    @Inject
    public Delete(TransportService transport, ActionFilters filters, Client client) {
      super(
          DeleteByQueryAction.NAME, transport, filters, DeleteByQueryRequest::new, EsExecutors.DIRECT_EXECUTOR_SERVICE);
      this.client = client;
    }

    @Override
    protected void doExecute(Task task, DeleteByQueryRequest request, ActionListener<BulkByScrollResponse> listener) {
      client
          .admin()
          .indices()
          .prepareRefresh(request.indices())
          .setIndicesOptions(request.indicesOptions())
          .execute(listener.delegateFailureAndWrap((next, ignored) -> new Run(client, request, next).batch()));
    }
  }

  /** Each batch is visible to the search for the next one. */
  private static final class Run {
    private final Client client;
    private final DeleteByQueryRequest request;
    private final ActionListener<BulkByScrollResponse> listener;
    private final long start = System.nanoTime();
    private final AtomicLong deleted = new AtomicLong();

    Run(Client client, DeleteByQueryRequest request, ActionListener<BulkByScrollResponse> listener) {
      this.client = client;
      this.request = request;
      this.listener = listener;
    }

    void batch() {
      var source = new SearchSourceBuilder().query(request.getSearchRequest().source().query());
      source.size(BATCH).fetchSource(false).seqNoAndPrimaryTerm(true);
      client.search(
          new SearchRequest(request.indices()).indicesOptions(request.indicesOptions()).source(source),
          listener.delegateFailureAndWrap(
              (next, found) -> {
                BulkRequest bulk = new BulkRequest().setRefreshPolicy(RefreshPolicy.IMMEDIATE);
                for (SearchHit hit : found.getHits().getHits()) {
                  bulk.add(
                      new DeleteRequest(hit.getIndex(), hit.getId())
                          .setIfSeqNo(hit.getSeqNo())
                          .setIfPrimaryTerm(hit.getPrimaryTerm()));
                }
                if (bulk.numberOfActions() == 0) finish(List.of());
                else remove(bulk);
              }));
    }

    private void remove(BulkRequest bulk) {
      client.bulk(
          bulk,
          listener.delegateFailureAndWrap(
              (next, done) -> {
                List<BulkItemResponse.Failure> failures = new ArrayList<>();
                for (BulkItemResponse item : done.getItems()) {
                  if (item.isFailed()) failures.add(item.getFailure());
                  else deleted.incrementAndGet();
                }
                if (failures.isEmpty()) batch();
                else finish(failures);
              }));
    }

    private void finish(List<BulkItemResponse.Failure> failures) {
      long count = deleted.get();
      var status =
          new BulkByScrollTask.Status(
              null, count, 0, 0, count, 0, 0, 0, 0, 0, TimeValue.ZERO, Float.POSITIVE_INFINITY, null, TimeValue.ZERO);
      TimeValue took = TimeValue.timeValueNanos(System.nanoTime() - start);
      listener.onResponse(new BulkByScrollResponse(took, status, failures, List.of(), false));
    }
  }
}
