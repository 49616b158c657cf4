import HTTP
import JSON
import Outbound
import Primitives
import Secrets
import Settings
import Synchronization

/// What the gateway asks a provider: a token for a code, and whose token it is (RFC 6749, 4.1.3).
final class ProviderClient: Sendable {
    enum Failure: Error, Sendable, Hashable {
        /// The provider's own error code, such as `invalid_grant`.
        case refused(code: String)
        /// The answer holds no token.
        case noToken(status: Int)
        case unreachable(OutboundError)
    }

    /// How the gateway names itself. Providers take one or the other, and say no to the wrong one.
    private enum Manner: Sendable {
        case basicHeader
        case form
    }

    private let client: OutboundClient
    /// By the provider's name: what has worked.
    private let known = Mutex<[String: Manner]>([:])

    init(client: OutboundClient) { self.client = client }

    /// - Parameter verifier: of PKCE (RFC 7636).
    /// - Returns: the access token.
    func token(
        for code: String, verifier: String, redirect: String, from provider: OAuth2Provider
    ) async throws(Failure) -> String {
        if let manner = known.withLock({ $0[provider.key] }) {
            do {
                return try await token(for: code, verifier, redirect, from: provider, manner)
            } catch {
                // It may be the manner; the next visit finds out. This code is spent.
                known.withLock { $0[provider.key] = nil }
                throw error
            }
        }
        do {
            return try await remembered(.basicHeader, code, verifier, redirect, provider)
        } catch .unreachable(let error) {
            throw .unreachable(error)
        } catch {
            return try await remembered(.form, code, verifier, redirect, provider)
        }
    }

    /// Who the token belongs to; `nil` when the provider does not say.
    func userID(token: String, at provider: OAuth2Provider) async throws(Failure) -> String? {
        let answer = try await send(
            OutboundClient.Request(
                .get, url: provider.userInfoURL,
                headers: [.authorization: "Bearer \(token)", .accept: "application/json"]))
        guard answer.isSuccess, !answer.isTruncated, let document = try? JSONParser.parse(answer.body) else {
            return nil
        }
        return UserIDPath(provider.userIDPath).id(in: document)
    }

    private func remembered(
        _ manner: Manner, _ code: String, _ verifier: String, _ redirect: String, _ provider: OAuth2Provider
    ) async throws(Failure) -> String {
        let token = try await token(for: code, verifier, redirect, from: provider, manner)
        known.withLock { $0[provider.key] = manner }
        return token
    }

    private func token(
        for code: String, _ verifier: String, _ redirect: String, from provider: OAuth2Provider, _ manner: Manner
    ) async throws(Failure) -> String {
        var form: [(name: String, value: String)] = [
            ("code", code), ("code_verifier", verifier), ("grant_type", "authorization_code"),
            ("redirect_uri", redirect),
        ]
        var headers: HTTPFields = [.contentType: "application/x-www-form-urlencoded", .accept: "application/json"]
        switch manner {
        case .basicHeader:
            // RFC 6749, 2.3.1: both are encoded as in a form first.
            let words = "\(PercentCode.form(provider.clientID)):\(PercentCode.form(provider.clientSecret))"
            headers[.authorization] = "Basic " + Base64.standard.encode(Array(words.utf8))
        case .form:
            form += [("client_id", provider.clientID), ("client_secret", provider.clientSecret)]
        }
        let answer = try await send(
            OutboundClient.Request(
                .post, url: provider.tokenURL, headers: headers, body: Array(PercentCode.form(form).utf8)))
        let members = TokenAnswer(answer)
        if let code = members.error { throw .refused(code: code) }
        guard answer.isSuccess, let token = members.token else { throw .noToken(status: answer.status) }
        return token
    }

    private func send(_ request: OutboundClient.Request) async throws(Failure) -> OutboundClient.Answer {
        do {
            return try await client.send(request)
        } catch {
            throw .unreachable(error)
        }
    }
}

/// What is read of the answer to a code, which some providers write as JSON and some as a form.
private struct TokenAnswer {
    /// Bytes of the longest token that counts as one.
    private static let longestToken = 16 << 10

    var token: String?
    var error: String?

    init(_ answer: OutboundClient.Answer) {
        guard !answer.isTruncated else { return }
        func member(_ name: String) -> String? {
            guard let document = try? JSONParser.parse(answer.body) else {
                return FormText.value(of: name, in: answer.body)
            }
            return document[name]?.stringValue
        }
        let token = member("access_token") ?? ""
        // It goes into a header.
        let isToken =
            !token.isEmpty && token.utf8.count <= Self.longestToken && token.utf8.allSatisfy { 0x21...0x7E ~= $0 }
        self.token = isToken ? token : nil
        // RFC 6749, 5.2; shown to people.
        let error = member("error") ?? ""
        let isCode =
            !error.isEmpty && error.utf8.count <= 64
            && error.utf8.allSatisfy { 0x20...0x7E ~= $0 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        self.error = isCode ? error : nil
    }
}
