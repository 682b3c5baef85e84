import com.google.common.collect.ImmutableList;
import com.google.common.collect.ImmutableMap;
import dev.openfeature.contrib.providers.ofrep.OfrepProvider;
import dev.openfeature.contrib.providers.ofrep.OfrepProviderOptions;
import dev.openfeature.sdk.ErrorCode;
import dev.openfeature.sdk.FlagEvaluationDetails;
import dev.openfeature.sdk.ImmutableContext;
import dev.openfeature.sdk.OpenFeatureAPI;
import dev.openfeature.sdk.Value;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** The Java SDK over TLS, with keys: decider, key, authority and another authority. */
public final class Guarded {
    private static final Value FALLBACK = new Value("code default");

    public static void main(String[] arguments) throws Exception {
        String decider = arguments[0];
        String key = arguments[1];
        var right = List.of(
                ImmutableMap.of("Authorization", ImmutableList.of("Bearer " + key)),
                ImmutableMap.of("X-API-Key", ImmutableList.of(key)));
        var wrong = List.of(
                ImmutableMap.<String, ImmutableList<String>>of(),
                ImmutableMap.of("Authorization", ImmutableList.of("Bearer another")),
                ImmutableMap.of("X-API-Key", ImmutableList.of(key + "-")));
        trust(arguments[2]);
        for (var headers : right) {
            FlagEvaluationDetails<Value> details = ask(decider, headers);
            expect(details.getErrorCode() == null, details);
            expect(details.getVariant().startsWith("hero/"), details);
        }
        for (var headers : wrong) {
            fails(ask(decider, headers));
        }
        trust(arguments[3]);
        for (var headers : right) {
            fails(ask(decider, headers));
        }
        OpenFeatureAPI.getInstance().shutdown();
        System.out.println("Java SDK over TLS: ok");
    }

    /** From now on the process trusts what these sign and nobody else: the provider takes no context of its own. */
    private static void trust(String authority) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = Files.newInputStream(Path.of(authority))) {
            store.setCertificateEntry("authority", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        var managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        SSLContext.setDefault(context);
    }

    private static FlagEvaluationDetails<Value> ask(String decider, ImmutableMap<String, ImmutableList<String>> headers) {
        OfrepProvider provider = OfrepProvider.constructProvider(
                OfrepProviderOptions.builder().baseUrl(decider).headers(headers).build());
        OpenFeatureAPI.getInstance().setProviderAndWait(provider);
        return OpenFeatureAPI.getInstance().getClient().getObjectDetails("home-hero", FALLBACK, new ImmutableContext("user-1"));
    }

    private static void fails(FlagEvaluationDetails<Value> details) {
        expect(details.getErrorCode() == ErrorCode.GENERAL, details);
        expect(FALLBACK.equals(details.getValue()), details);
    }

    private static void expect(boolean holds, Object found) {
        if (!holds) {
            throw new AssertionError(found);
        }
    }
}
