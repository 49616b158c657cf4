import Settings
import YAML

/// The log-in providers under `oauth2:` (`engines.md` 10): a name each, and what the provider gave and asks.
enum OAuth2Configuration {
    /// In the order of the file.
    /// - Throws: ``ConfigurationError/badValue(key:value:expected:)`` for what is missing or no URL. Secrets are not in it.
    static func read(_ document: ConfigurationDocument) throws(ConfigurationError) -> [OAuth2Provider] {
        guard let node = document["oauth2"], !node.isNull else { return [] }
        guard let section = node.mapping else {
            throw .badValue(key: "oauth2", value: nil, expected: "a mapping of provider names")
        }
        var providers: [OAuth2Provider] = []
        for pair in section.pairs {
            guard let name = pair.key.string, !name.isEmpty, let members = pair.value.mapping else {
                throw .badValue(key: "oauth2.\(pair.key.string ?? "")", value: nil, expected: "a mapping")
            }
            let provider = try Section(name: "oauth2.\(name)", members: members).provider(name)
            if let other = providers.first(where: { $0.key.utf8.elementsEqual(provider.key.utf8) }) {
                throw .badValue(key: "oauth2.\(name)", value: name, expected: "another name than \(other.name)")
            }
            providers.append(provider)
        }
        return providers
    }

    private struct Section {
        var name: String
        var members: YAMLNode.Mapping

        func provider(_ name: String) throws(ConfigurationError) -> OAuth2Provider {
            let endpoint = Section(
                name: "\(self.name).endpoint", members: self["endpoint"]?.mapping ?? YAMLNode.Mapping())
            return OAuth2Provider(
                name: name, clientID: try text("client_id"), clientSecret: self["client_secret"]?.string ?? "",
                authorizationURL: try endpoint.url("auth_url"), tokenURL: try endpoint.url("token_url"),
                scopes: try scopes(), userInfoURL: try url("user_info_url"), userIDPath: try text("user_id_path"))
        }

        private subscript(key: String) -> YAMLNode? {
            ConfigurationDocument.key(key, in: members).flatMap { members[$0] }
        }

        private func text(_ key: String) throws(ConfigurationError) -> String {
            guard let text = self[key]?.string, !text.isEmpty else {
                throw .badValue(
                    key: "\(name).\(key)", value: self[key]?.string ?? "", expected: "a text, which it must be")
            }
            return text
        }

        private func url(_ key: String) throws(ConfigurationError) -> String {
            let text = try text(key)
            guard text.utf8.starts(with: "https://".utf8) || text.utf8.starts(with: "http://".utf8) else {
                throw .badValue(key: "\(name).\(key)", value: text, expected: "an http or https URL")
            }
            return text
        }

        /// A list, or one text with blanks or commas.
        private func scopes() throws(ConfigurationError) -> [String] {
            guard let node = self["scopes"], !node.isNull else { return [] }
            if let text = node.string {
                return text.utf8.split { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") }.map {
                    String(Substring($0))
                }
            }
            guard let items = node.sequence?.items else {
                throw .badValue(key: "\(name).scopes", value: nil, expected: "a list of texts")
            }
            let texts = items.compactMap(\.string)
            guard texts.count == items.count else {
                throw .badValue(key: "\(name).scopes", value: nil, expected: "a list of texts")
            }
            return texts
        }
    }
}
