package standin;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.elasticsearch.cluster.metadata.ProjectId;
import org.elasticsearch.reservedstate.ReservedProjectStateHandler;
import org.elasticsearch.reservedstate.ReservedStateHandlerProvider;
import org.elasticsearch.reservedstate.TransformState;
import org.elasticsearch.xcontent.XContentParser;

/** The sections of policies in the settings file of the ECK operator, which leaves them empty. */
public final class FileSettings implements ReservedStateHandlerProvider {
  @Override
  public Collection<ReservedProjectStateHandler<?>> projectHandlers() {
    return List.of(new Empty("ilm"), new Empty("slm"));
  }

  private record Empty(String name) implements ReservedProjectStateHandler<Map<String, Object>> {
    @Override
    public Map<String, Object> fromXContent(XContentParser parser) throws IOException {
      return parser.map();
    }

    @Override
    public TransformState transform(ProjectId project, Map<String, Object> policies, TransformState before) {
      if (policies.isEmpty()) return before;
      throw new IllegalArgumentException("the stand-in takes no [" + name + "] from file settings");
    }
  }
}
