/// A channel over which notifications are sent (`rest.md` 4, Notification; `engines.md` 5).
package struct NotificationForm: Form {
    package static let table = "notifications"

    package var name = ""
    /// May hold placeholders, as may the body.
    package var url = ""
    /// 1 GET, 2 POST.
    package var requestMethod: Int64 = 0
    /// 1 JSON, 2 form.
    package var requestType: Int64 = 0
    /// A JSON object.
    package var requestHeader = ""
    package var requestBody = ""
    package var verifyTLS = false
    package var formatMetricUnits = false

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case name
        case url
        case requestMethod = "request_method"
        case requestType = "request_type"
        case requestHeader = "request_header"
        case requestBody = "request_body"
        case verifyTLS = "verify_tls"
        case formatMetricUnits = "format_metric_units"
    }
}
