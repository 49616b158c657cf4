import DomainNames
import JSON
import Storage

/// Profiles by which the addresses of servers are published (`rest-details.md` 5, DDNS).
struct DDNSResource: Resource {
    static let providers = ["dummy", "webhook", "cloudflare", "tencentcloud", "he"]

    let definition = ResourceDefinition(
        name: "ddns", title: "DDNS profile", plural: "DDNS profiles", shape: SchemaSource(PackageResources.ddns_json),
        scope: "ddns", missing: { .rejected("profile id \($0) does not exist") })

    func check(_ form: inout DDNSForm, by principal: Principal) async throws {
        guard (1...10).contains(form.maxRetries) else {
            throw ToolFailure.rejected("the retry count must be an integer between 1 and 10")
        }
    }

    func prepare(_ form: inout DDNSForm, of owner: Int64, _ arguments: JSONObject) async throws {
        form.domains = try form.domains.map { name in
            do {
                return try DomainName.ascii(name)
            } catch {
                throw ToolFailure.rejected("error parsing \(name): \(String(describing: error))")
            }
        }
        let provider = form.provider
        guard Self.providers.contains(where: { $0.utf8.elementsEqual(provider.utf8) }) else {
            throw ToolFailure.rejected("unknown provider \(provider)")
        }
    }
}
