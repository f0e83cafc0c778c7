package standin;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.HEAD;

import java.util.List;
import org.elasticsearch.Build;
import org.elasticsearch.action.admin.cluster.state.ClusterStateRequest;
import org.elasticsearch.action.admin.cluster.state.ClusterStateResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestBuilderListener;
import org.elasticsearch.xcontent.XContentBuilder;

/** What the ECK operator asks a cluster that it neither grows nor shrinks. */
final class OperatorApi {
  private OperatorApi() {}

  static List<RestHandler> handlers() {
    return List.of(
        new Endpoint(
            "main",
            (request, client) -> {
              var metadata = new ClusterStateRequest(RestUtils.getMasterNodeTimeout(request)).clear().metadata(true);
              return channel ->
                  client
                      .admin()
                      .cluster()
                      .state(
                          metadata,
                          new RestBuilderListener<ClusterStateResponse>(channel) {
                            @Override
                            public RestResponse buildResponse(ClusterStateResponse answer, XContentBuilder builder)
                                throws Exception {
                              return new RestResponse(
                                  RestStatus.OK, main(builder, client.getLocalNodeId(), answer.getState()));
                            }
                          });
            },
            new Route(GET, "/"),
            new Route(HEAD, "/")),
        new Endpoint(
            "shutdowns",
            (request, client) ->
                channel ->
                    channel.sendResponse(
                        new RestResponse(
                            RestStatus.OK,
                            channel.newBuilder().startObject().startArray("nodes").endArray().endObject())),
            new Route(GET, "/_nodes/shutdown"),
            new Route(GET, "/_nodes/{nodeId}/shutdown")));
  }

  private static XContentBuilder main(XContentBuilder builder, String node, ClusterState state) throws Exception {
    builder.startObject();
    builder.field("name", node);
    builder.field("cluster_name", state.getClusterName().value());
    builder.field("cluster_uuid", state.metadata().clusterUUID());
    builder.startObject("version");
    builder.field("number", Build.current().version());
    builder.field("build_flavor", Build.current().flavor());
    builder.endObject();
    builder.field("tagline", "You Know, for Search");
    return builder.endObject();
  }
}
