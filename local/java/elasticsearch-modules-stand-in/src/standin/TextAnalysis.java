package standin;

import java.io.IOException;
import java.io.StringReader;
import java.text.ParseException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.synonym.SolrSynonymParser;
import org.apache.lucene.analysis.synonym.SynonymGraphFilter;
import org.apache.lucene.analysis.synonym.SynonymMap;
import org.elasticsearch.action.support.PlainActionFuture;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.index.IndexService.IndexCreationContext;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AnalysisMode;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.CustomAnalyzer;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.synonyms.PagedResult;
import org.elasticsearch.synonyms.SynonymRule;
import org.elasticsearch.synonyms.SynonymsManagementAPIService;

/** The token filters that the platform's analyzers use, over Lucene's. */
final class TextAnalysis {
  private TextAnalysis() {}

  static Map<String, AnalysisProvider<TokenFilterFactory>> tokenFilters(Supplier<Client> client) {
    AnalysisProvider<TokenFilterFactory> synonyms =
        (index, environment, name, settings) -> new Synonyms(name, settings, client);
    return Map.of(
        "asciifolding",
        (index, environment, name, settings) ->
            new Folding(name, settings.getAsBoolean("preserve_original", false)),
        "stemmer",
        AnalysisPlugin.requiresAnalysisSettings(
            (index, environment, name, settings) -> simple(name, stemmer(settings.get("language", "english")))),
        "synonym_graph",
        AnalysisPlugin.requiresAnalysisSettings(synonyms),
        // The index of the security module uses these two and the tokenizer below.
        "pattern_capture",
        AnalysisPlugin.requiresAnalysisSettings(
            (index, environment, name, settings) -> {
              Pattern[] patterns = settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
              boolean original = settings.getAsBoolean("preserve_original", true);
              return simple(name, input -> new PatternCaptureGroupTokenFilter(input, original, patterns));
            }),
        "unique",
        (index, environment, name, settings) -> simple(name, RemoveDuplicatesTokenFilter::new));
  }

  static Map<String, AnalysisProvider<TokenizerFactory>> tokenizers() {
    return Map.of(
        "uax_url_email",
        (index, environment, name, settings) -> TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new));
  }

  private static UnaryOperator<TokenStream> stemmer(String language) {
    return switch (language) {
      case "english" -> PorterStemFilter::new;
      case "possessive_english" -> EnglishPossessiveFilter::new;
      default -> throw new IllegalArgumentException("the stand-in has no stemmer for [" + language + "]");
    };
  }

  private static TokenFilterFactory simple(String name, UnaryOperator<TokenStream> create) {
    return new AbstractTokenFilterFactory(name) {
      @Override
      public TokenStream create(TokenStream input) {
        return create.apply(input);
      }
    };
  }

  /** Normalizers may have it. */
  private static final class Folding extends AbstractTokenFilterFactory implements NormalizingTokenFilterFactory {
    private final boolean preserveOriginal;

    Folding(String name, boolean preserveOriginal) {
      super(name);
      this.preserveOriginal = preserveOriginal;
    }

    @Override
    public TokenStream create(TokenStream input) {
      return new ASCIIFoldingFilter(input, preserveOriginal);
    }
  }

  private static final class Synonyms extends AbstractTokenFilterFactory {
    private final Settings settings;
    private final Supplier<Client> client;

    Synonyms(String name, Settings settings, Supplier<Client> client) {
      super(name);
      this.settings = settings;
      this.client = client;
      if (settings.hasValue("synonyms") == false && settings.get("synonyms_set") == null) {
        throw new IllegalArgumentException(
            "synonym requires either `synonyms`, `synonyms_set` or `synonyms_path` to be configured");
      }
    }

    @Override
    public TokenStream create(TokenStream input) {
      throw new IllegalStateException("Call getChainAwareTokenFilterFactory to specialize this factory for an analysis chain first");
    }

    @Override
    public AnalysisMode getAnalysisMode() {
      return settings.getAsBoolean("updateable", false) ? AnalysisMode.SEARCH_TIME : AnalysisMode.ALL;
    }

    @Override
    public TokenFilterFactory getChainAwareTokenFilterFactory(
        IndexCreationContext context,
        TokenizerFactory tokenizer,
        List<CharFilterFactory> charFilters,
        List<TokenFilterFactory> previous,
        Function<String, TokenFilterFactory> all) {
      Analyzer analyzer =
          new CustomAnalyzer(
              tokenizer,
              charFilters.toArray(CharFilterFactory[]::new),
              previous.stream().map(TokenFilterFactory::getSynonymFilter).toArray(TokenFilterFactory[]::new));
      SynonymMap map = parse(rules(context), analyzer);
      AnalysisMode mode = getAnalysisMode();
      return new AbstractTokenFilterFactory(name()) {
        @Override
        public TokenStream create(TokenStream input) {
          return map.fst == null ? input : new SynonymGraphFilter(input, map, false);
        }

        @Override
        public AnalysisMode getAnalysisMode() {
          return mode;
        }

        @Override
        public String getResourceName() {
          return settings.get("synonyms_set");
        }
      };
    }

    private SynonymMap parse(String rules, Analyzer analyzer) {
      try {
        SolrSynonymParser parser = new SolrSynonymParser(true, settings.getAsBoolean("expand", true), analyzer);
        parser.parse(new StringReader(rules));
        return parser.build();
      } catch (IOException | ParseException error) {
        throw new IllegalArgumentException("failed to build synonyms: " + error.getMessage(), error);
      }
    }

    /** After a start, the index of the sets may be recovered later than the index that reads one. */
    private void awaitSynonyms() {
      TimeValue most = TimeValue.timeValueSeconds(60);
      client.get().admin().cluster().prepareHealth(most, ".synonyms").setWaitForYellowStatus().setTimeout(most).get();
    }

    /** Like the official module: a set is read when analyzers are reloaded, never on the master's thread. */
    private String rules(IndexCreationContext context) {
      String set = settings.get("synonyms_set");
      if (set == null) return String.join("\n", settings.getAsList("synonyms"));
      if (context != IndexCreationContext.RELOAD_ANALYZERS) return "";
      awaitSynonyms();
      PlainActionFuture<PagedResult<SynonymRule>> answer = new PlainActionFuture<>();
      new SynonymsManagementAPIService(client.get()).getSynonymSetRules(set, answer);
      return String.join("\n", Arrays.stream(answer.actionGet().pageResults()).map(SynonymRule::synonyms).toList());
    }
  }
}
