/// Where and how the addresses of servers are published (`rest.md` 4, DDNSProfile; `engines.md` 7).
package struct DDNSForm: Form {
    package static let table = "ddns_profiles"

    package var name = ""
    package var enableIPv4 = false
    package var enableIPv6 = false
    package var maxRetries: Int64 = 0
    /// `dummy`, `webhook`, `cloudflare`, `tencentcloud` or `he`.
    package var provider = ""
    package var accessID = ""
    package var accessSecret = ""
    package var webhookURL = ""
    /// 1 GET, 2 POST, 3 PATCH, 4 DELETE, 5 PUT.
    package var webhookMethod: Int64 = 0
    /// 1 JSON, 2 form.
    package var webhookRequestType: Int64 = 0
    package var webhookRequestBody = ""
    /// A JSON object.
    package var webhookHeaders = ""
    /// In ASCII.
    package var domains: [String] = []

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case enableIPv4 = "enable_ipv4"
        case enableIPv6 = "enable_ipv6"
        case maxRetries = "max_retries"
        case provider
        case accessID = "access_id"
        case accessSecret = "access_secret"
        case webhookURL = "webhook_url"
        case webhookMethod = "webhook_method"
        case webhookRequestType = "webhook_request_type"
        case webhookRequestBody = "webhook_request_body"
        case webhookHeaders = "webhook_headers"
        case domains
    }
}
