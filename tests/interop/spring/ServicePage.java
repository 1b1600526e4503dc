package families;

import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** One page, which tells who is signed in. */
@SpringBootApplication
@RestController
public class ServicePage {

    public static void main(String[] arguments) {
        SpringApplication.run(ServicePage.class, arguments);
    }

    @GetMapping("/")
    Map<String, Object> page(@AuthenticationPrincipal OidcUser person, CsrfToken token) {
        var told = new LinkedHashMap<String, Object>();
        told.put("csrf_token", token.getToken());
        if (person != null) {
            told.putAll(person.getClaims());
        }
        return told;
    }
}
