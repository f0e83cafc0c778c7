package standin;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.metadata.RepositoryMetadata;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.SecureSetting;
import org.elasticsearch.common.settings.SecureString;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.common.util.BigArrays;
import org.elasticsearch.env.Environment;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.analysis.PreBuiltAnalyzerProviderFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.index.mapper.Mapper;
import org.elasticsearch.index.mapper.TextFieldMapper;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.indices.analysis.PreBuiltCacheFactory.CachingStrategy;
import org.elasticsearch.indices.recovery.RecoverySettings;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.IngestPlugin;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.RepositoryPlugin;
import org.elasticsearch.plugins.ScriptPlugin;
import org.elasticsearch.repositories.RepositoriesMetrics;
import org.elasticsearch.repositories.Repository;
import org.elasticsearch.repositories.SnapshotMetrics;
import org.elasticsearch.repositories.fs.FsRepository;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ParseField;
import org.elasticsearch.xpack.core.ilm.IndexLifecycleMetadata;
import org.elasticsearch.xpack.core.ilm.LifecycleSettings;
import org.elasticsearch.xpack.core.slm.SnapshotLifecycleMetadata;

/** Registers everything that stands in for a module of the official image. */
public class StandInPlugin extends Plugin
    implements ActionPlugin, AnalysisPlugin, IngestPlugin, MapperPlugin, ScriptPlugin, RepositoryPlugin {
  private Client client;
  private ClusterService clusterService;

  @Override
  public Collection<?> createComponents(PluginServices services) {
    client = services.client();
    clusterService = services.clusterService();
    return List.of();
  }

  @Override
  public Collection<ActionHandler> getActions() {
    List<ActionHandler> actions = new ArrayList<>(Policies.actions());
    actions.addAll(DataStreams.actions());
    actions.addAll(DeleteByQuery.actions());
    return actions;
  }

  @Override
  public Collection<RestHandler> getRestHandlers(
      Settings settings,
      NamedWriteableRegistry writeables,
      RestController controller,
      ClusterSettings clusterSettings,
      IndexScopedSettings indexSettings,
      SettingsFilter filter,
      IndexNameExpressionResolver resolver,
      Supplier<DiscoveryNodes> nodes,
      Predicate<NodeFeature> features) {
    List<RestHandler> handlers = new ArrayList<>(Policies.handlers());
    handlers.addAll(DataStreams.handlers());
    handlers.addAll(Templates.handlers(() -> clusterService.state()));
    handlers.addAll(DeleteByQuery.handlers());
    handlers.addAll(OperatorApi.handlers());
    return handlers;
  }

  @Override
  public List<Setting<?>> getSettings() {
    return List.of(
        LifecycleSettings.LIFECYCLE_NAME_SETTING,
        LifecycleSettings.LIFECYCLE_POLL_INTERVAL_SETTING,
        LifecycleSettings.LIFECYCLE_HISTORY_INDEX_ENABLED_SETTING,
        LifecycleSettings.SLM_HISTORY_INDEX_ENABLED_SETTING,
        LifecycleSettings.SLM_RETENTION_SCHEDULE_SETTING,
        s3Client("endpoint"),
        s3Client("region"),
        s3Client("protocol"),
        s3Client("path_style_access"),
        s3Credential("access_key"),
        s3Credential("secret_key"));
  }

  private static Setting<String> s3Client(String name) {
    return Setting.affixKeySetting("s3.client.", name, key -> Setting.simpleString(key, Setting.Property.NodeScope));
  }

  private static Setting<SecureString> s3Credential(String name) {
    return Setting.affixKeySetting("s3.client.", name, key -> SecureSetting.secureString(key, null));
  }

  @Override
  public List<NamedXContentRegistry.Entry> getNamedXContent() {
    List<NamedXContentRegistry.Entry> entries = new ArrayList<>(Policies.lifecycleActions());
    entries.add(
        new NamedXContentRegistry.Entry(
            Metadata.ProjectCustom.class,
            new ParseField(IndexLifecycleMetadata.TYPE),
            parser -> IndexLifecycleMetadata.PARSER.parse(parser, null)));
    entries.add(
        new NamedXContentRegistry.Entry(
            Metadata.ProjectCustom.class,
            new ParseField(SnapshotLifecycleMetadata.TYPE),
            parser -> SnapshotLifecycleMetadata.PARSER.parse(parser, null)));
    return entries;
  }

  @Override
  public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
    return TextAnalysis.tokenFilters(() -> client);
  }

  @Override
  public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
    return TextAnalysis.tokenizers();
  }

  @Override
  public List<PreBuiltAnalyzerProviderFactory> getPreBuiltAnalyzerProviderFactories() {
    return List.of(new PreBuiltAnalyzerProviderFactory("english", CachingStrategy.ONE, EnglishAnalyzer::new));
  }

  /** The index of the synonyms API has such a field, and never searches it. */
  @Override
  public Map<String, Mapper.TypeParser> getMappers() {
    return Map.of("match_only_text", TextFieldMapper.PARSER);
  }

  @Override
  public Map<String, Processor.Factory> getProcessors(Processor.Parameters parameters) {
    return Processors.all(parameters.scriptService);
  }

  @Override
  public ScriptEngine getScriptEngine(Settings settings, Collection<ScriptContext<?>> contexts) {
    return new Templates.Engine();
  }

  @Override
  public Map<String, Repository.Factory> getRepositories(
      Environment environment,
      NamedXContentRegistry registry,
      ClusterService clusterService,
      BigArrays bigArrays,
      RecoverySettings recoverySettings,
      RepositoriesMetrics repositoriesMetrics,
      SnapshotMetrics snapshotMetrics) {
    String folder = environment.dataDirs()[0].resolve("s3-stand-in").toString();
    Settings settings = Settings.builder().put(environment.settings()).put("path.repo", folder).build();
    Environment local = new Environment(settings, environment.configDir());
    return Map.of(
        "s3",
        (project, metadata) -> {
          String bucket = metadata.settings().get("bucket");
          if (bucket == null) throw new IllegalArgumentException("No bucket defined for s3 repository");
          Settings own = Settings.builder().put(metadata.settings()).put("location", folder + "/" + bucket).build();
          RepositoryMetadata moved =
              new RepositoryMetadata(
                  metadata.name(), metadata.uuid(), metadata.type(), own, metadata.generation(), metadata.pendingGeneration());
          return new FsRepository(project, moved, local, registry, clusterService, bigArrays, recoverySettings, snapshotMetrics);
        });
  }
}
