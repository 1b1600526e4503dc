import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.client.web.OAuth2LoginAuthenticationFilter;
import org.springframework.security.web.SecurityFilterChain;

@Configuration
class SignIn {

    @Bean
    SecurityFilterChain families(HttpSecurity http, ClientRegistrationRepository clients) throws Exception {
        // Spring Security 6 sends PKCE for public clients only, unless told.
        var requests = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
        requests.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());

        var signOut = new OidcClientInitiatedLogoutSuccessHandler(clients); // id_token_hint comes by itself
        signOut.setPostLogoutRedirectUri("{baseUrl}/");

        var issuer = clients.findByRegistrationId("ecole").getProviderDetails().getIssuerUri();

        return http
            .authorizeHttpRequests(paths -> paths.requestMatchers("/").permitAll().anyRequest().authenticated())
            .oauth2Login(login -> login.authorizationEndpoint(to -> to.authorizationRequestResolver(requests)))
            .addFilterBefore(onlyAnswersOf(issuer), OAuth2LoginAuthenticationFilter.class)
            .logout(logout -> logout.logoutSuccessHandler(signOut))
            // Back-channel logout, received at /logout/connect/back-channel/ecole.
            .oidcLogout(logout -> logout.backChannel(Customizer.withDefaults()))
            .build();
    }

    // RFC 9207: Spring Security 6 does not compare the `iss` of the answer.
    static Filter onlyAnswersOf(String issuer) {
        return (request, response, chain) -> {
            var isAnswer = ((HttpServletRequest) request).getRequestURI().endsWith("/login/oauth2/code/ecole");
            if (isAnswer && !issuer.equals(request.getParameter("iss"))) {
                ((HttpServletResponse) response).sendError(400);
            } else {
                chain.doFilter(request, response);
            }
        };
    }

    // In a controller: @AuthenticationPrincipal OidcUser person, then person.getSubject() and
    // person.<List<Map<String, Object>>>getClaim("children").
}
