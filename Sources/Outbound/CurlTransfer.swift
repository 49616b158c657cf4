import CCurl
import HTTP
import Primitives
import Transport

/// One request of libcurl. Lives on the curl thread alone.
@safe
final class CurlTransfer {
    let easy: UnsafeMutableRawPointer
    let outcome: OneShot<CurlThread.Outcome>
    private let url: OpaquePointer
    /// Names of this transfer only, so that what is pinned for one does not hold for another.
    private let names: UnsafeMutableRawPointer
    private var lists: [UnsafeMutablePointer<curl_slist>] = unsafe []
    private let addresses: [SocketAddress]
    private let bodyLimit: Int
    private var body: [UInt8] = []
    private var isTruncated = false
    private var wasRefused = false

    /// - Returns: `nil` when memory is short, or libcurl lacks an option that this depends on.
    init?(
        _ request: OutboundClient.Request, at target: OutboundURL, on addresses: [SocketAddress],
        _ outcome: OneShot<CurlThread.Outcome>
    ) {
        guard let easy = unsafe ccurl_easy_init() else { return nil }
        guard let url = unsafe ccurl_url() else {
            unsafe ccurl_easy_cleanup(easy)
            return nil
        }
        guard let names = unsafe ccurl_share_init() else {
            unsafe ccurl_url_cleanup(url)
            unsafe ccurl_easy_cleanup(easy)
            return nil
        }
        unsafe self.easy = unsafe easy
        unsafe self.url = unsafe url
        unsafe self.names = unsafe names
        self.outcome = outcome
        self.addresses = addresses
        bodyLimit = request.limits.bodyBytes
        guard setTarget(target), setGuards(), setLimits(request), setMessage(request), setCallbacks() else {
            return nil
        }
    }

    deinit {
        unsafe ccurl_easy_cleanup(easy)
        unsafe ccurl_share_cleanup(names)
        unsafe ccurl_url_cleanup(url)
        unsafe lists.forEach { unsafe ccurl_slist_free_all($0) }
    }

    /// - Parameter code: libcurl's, when it is over.
    func result(_ code: CURLcode) -> CurlThread.Outcome {
        // Stopped by us, with the status there.
        guard code == CURLE_OK || isTruncated && code == CURLE_WRITE_ERROR else { return .failure(failure(code)) }
        var status = 0
        var type: UnsafePointer<CChar>?
        guard unsafe ccurl_get_number(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK,
            unsafe ccurl_get_text(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK
        else { return .failure(.failed("the answer could not be read")) }
        return .success(
            OutboundClient.Answer(
                status: status, contentType: unsafe type.map { unsafe String(cString: $0) }, body: body,
                isTruncated: isTruncated))
    }

    private func failure(_ code: CURLcode) -> OutboundError {
        if wasRefused { return .targetNotAllowed }
        let text = unsafe String(cString: ccurl_easy_strerror(code))
        switch code {
        case CURLE_OPERATION_TIMEDOUT: return .timeout
        case CURLE_COULDNT_RESOLVE_HOST: return .hostNotFound
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            return .tls(text)
        default: return .failed(text)
        }
    }

    // MARK: Options

    private func setTarget(_ target: OutboundURL) -> Bool {
        let pin = "\(target.host):\(target.port):" + addresses.map(\.textForCurl).joined(separator: ",")
        guard unsafe ccurl_url_set(url, CURLUPART_URL, target.text, UInt32(CURLU_PATH_AS_IS)) == CURLUE_OK,
            unsafe ccurl_share_names(names) == CURLSHE_OK,
            let list = unsafe ccurl_slist_append(nil, pin)
        else { return false }
        unsafe lists.append(list)
        return unsafe pointer(CURLOPT_CURLU, UnsafeMutableRawPointer(url)) && pointer(CURLOPT_SHARE, names)
            && pointer(CURLOPT_RESOLVE, list)
    }

    /// What libcurl would take from elsewhere, or do by itself.
    private func setGuards() -> Bool {
        text(CURLOPT_PROTOCOLS_STR, "http,https")
            && text(CURLOPT_PROXY, "")  // none of the environment's
            && number(CURLOPT_FOLLOWLOCATION, 0)
            && number(CURLOPT_NETRC, 0)
            && number(CURLOPT_FRESH_CONNECT, 1)
            && number(CURLOPT_FORBID_REUSE, 1)
            && number(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            && number(CURLOPT_NOSIGNAL, 1)
    }

    private func setLimits(_ request: OutboundClient.Request) -> Bool {
        number(CURLOPT_CONNECTTIMEOUT_MS, request.limits.connecting.curlMilliseconds)
            && number(CURLOPT_TIMEOUT_MS, request.limits.whole.curlMilliseconds)
            && number(CURLOPT_SSL_VERIFYPEER, request.verifiesTLS ? 1 : 0)
            && number(CURLOPT_SSL_VERIFYHOST, request.verifiesTLS ? 2 : 0)
    }

    private func setMessage(_ request: OutboundClient.Request) -> Bool {
        if let body = request.body {
            // Copied as they are set, so the size comes first.
            guard unsafe ccurl_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)) == CURLE_OK,
                unsafe body.withUnsafeBytes({ bytes in
                    // An empty array may have no address, which would mean reading from standard input.
                    guard let first = bytes.baseAddress, unsafe !bytes.isEmpty else {
                        return text(CURLOPT_COPYPOSTFIELDS, "")
                    }
                    return unsafe pointer(CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: first))
                })
            else { return false }
        } else if request.method == .head {
            guard number(CURLOPT_NOBODY, 1) else { return false }
        }
        return text(CURLOPT_CUSTOMREQUEST, request.method.rawValue) && setHeaders(request.headers)
    }

    /// What says where a message goes and where it ends is not the caller's: it would be another request's beginning.
    private static let ours: Set<HTTPField.Name> = RelayedExchange.hopByHop.union([.host, .contentLength, .expect])

    private func setHeaders(_ headers: HTTPFields) -> Bool {
        // Without a value: not the ones that libcurl would send.
        var lines = ["Expect:"]
        if !headers.contains(.contentType) { lines.append("Content-Type:") }
        if !headers.contains(.userAgent) { lines.append("User-Agent: nezha-gateway") }
        for field in headers where !Self.ours.contains(field.name) {
            lines.append(field.value.isEmpty ? "\(field.name.rawName);" : "\(field.name.rawName): \(field.value)")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = unsafe ccurl_slist_append(list, line) else {
                unsafe ccurl_slist_free_all(list)
                return false
            }
            unsafe list = unsafe longer
        }
        guard let list = unsafe list else { return true }
        unsafe lists.append(list)
        return unsafe pointer(CURLOPT_HTTPHEADER, list)
    }

    private func number(_ option: CURLoption, _ value: Int) -> Bool {
        unsafe ccurl_set_number(easy, option, value) == CURLE_OK
    }

    private func text(_ option: CURLoption, _ value: String) -> Bool {
        unsafe ccurl_set_text(easy, option, value) == CURLE_OK
    }

    private func pointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer) -> Bool {
        unsafe ccurl_set_pointer(easy, option, value) == CURLE_OK
    }

    // MARK: Callbacks

    /// They run while the curl thread holds this transfer, so they need no reference of their own.
    private func setCallbacks() -> Bool {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let receive: ccurl_write = { bytes, size, count, context in
            guard let transfer = unsafe CurlTransfer.from(context) else { return 0 }
            return unsafe transfer.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        let open: ccurl_open_socket = { context, _, address in
            guard let transfer = unsafe CurlTransfer.from(context), let address = unsafe address else {
                return CURL_SOCKET_BAD
            }
            return unsafe transfer.open(address)
        }
        return unsafe ccurl_set_write(easy, receive, context) == CURLE_OK
            && ccurl_set_open_socket(easy, open, context) == CURLE_OK
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
        unsafe context.map { unsafe Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
    }

    /// - Returns: how much was taken; less than all ends the transfer.
    private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        let room = bodyLimit - body.count
        unsafe body.append(contentsOf: bytes.prefix(max(0, room)))
        isTruncated = bytes.count > room
        return isTruncated ? max(0, room) : bytes.count
    }

    /// The last word on where it goes: only to an address that was looked up and permitted before.
    private func open(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        let bytes = unsafe UnsafeRawBufferPointer(
            start: ccurl_address(address), count: Int(address.pointee.addrlen))
        guard let wanted = unsafe SocketAddress(bytes), addresses.contains(wanted) else {
            wasRefused = true
            return CURL_SOCKET_BAD
        }
        return unsafe ccurl_socket(address)
    }
}

extension SocketAddress {
    /// As `CURLOPT_RESOLVE` takes it.
    fileprivate var textForCurl: String { isIPv6 ? "[\(text)]" : text }
}

extension Duration {
    /// At least 1, for 0 means a default to libcurl.
    fileprivate var curlMilliseconds: Int { max(1, Int(min(timerMilliseconds, 1 << 31))) }
}
