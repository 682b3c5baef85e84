import dev.openfeature.contrib.providers.ofrep.OfrepProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions;
import dev.openfeature.sdk.ErrorCode;
import dev.openfeature.sdk.FlagEvaluationDetails;
import dev.openfeature.sdk.ImmutableContext;
import dev.openfeature.sdk.OpenFeatureAPI;
import dev.openfeature.sdk.Structure;
import dev.openfeature.sdk.Value;
import java.util.List;
import java.util.Map;

/** The Java SDK with its OFREP provider. */
public final class Client {
    private static final Value FALLBACK = new Value("code default");

    public static void main(String[] arguments) throws Exception {
        OfrepProvider provider = OfrepProvider.constructProvider(
                OfrepProviderOptions.builder().baseUrl(arguments[0]).build());
        OpenFeatureAPI.getInstance().setProviderAndWait(provider);
        var client = OpenFeatureAPI.getInstance().getClient();

        FlagEvaluationDetails<Value> loyal = client.getObjectDetails("home-hero", FALLBACK, context("personalization"));
        expect(loyal.getErrorCode() == null, loyal);
        expect(loyal.getVariant().startsWith("hero/"), loyal);
        Structure words = loyal.getValue().asStructure();
        expect(words.getValue("headline").isString(), loyal);

        FlagEvaluationDetails<Value> refused = client.getObjectDetails("home-hero", FALLBACK, context());
        expect("Welcome".equals(refused.getValue().asStructure().getValue("headline").asString()), refused);

        FlagEvaluationDetails<Value> missing = client.getObjectDetails("nowhere", FALLBACK, context());
        expect(missing.getErrorCode() == ErrorCode.FLAG_NOT_FOUND, missing);
        expect(FALLBACK.equals(missing.getValue()), missing);
        OpenFeatureAPI.getInstance().shutdown();
        System.out.println("Java SDK: ok");
    }

    private static ImmutableContext context(String... purposes) {
        List<Value> consent = List.of(purposes).stream().map(Value::new).toList();
        return new ImmutableContext("user-1", Map.of(
                "user.tier", new Value("gold"),
                "user.spend90d", new Value(300.0),
                "consent", new Value(consent)));
    }

    private static void expect(boolean holds, Object found) {
        if (!holds) {
            throw new AssertionError(found);
        }
    }
}
