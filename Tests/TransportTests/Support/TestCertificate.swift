import Glibc
import Testing

@testable import Transport

/// A certificate for one test, made by openssl; its folder goes with it.
final class TestCertificate: Sendable {
    let folder: String
    var certificate: String { "\(folder)/cert.pem" }
    var key: String { "\(folder)/key.pem" }

    /// - Parameter names: as openssl has them, such as `DNS:gateway.test,IP:127.0.0.1`.
    init(_ names: String = "DNS:gateway.test", days: Int = 2) throws {
        var template = Array("/tmp/transport-tests-XXXXXX".utf8CString)
        folder = try #require(unsafe mkdtemp(&template).map { unsafe String(cString: $0) })
        try run(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days \(days) \
            -subj '/CN=Test Root' -addext 'subjectAltName=\(names)' -out cert.pem -keyout key.pem
            """)
    }

    /// Runs a command in the folder.
    func run(_ command: String) throws {
        let status = unsafe system("cd '\(folder)' && { \(command); } >/dev/null 2>&1 </dev/null")
        try #require(status == 0, "\(command)")
    }

    func write(_ text: String, to name: String) throws -> String {
        let path = "\(folder)/\(name)"
        guard let file = unsafe fopen(path, "w") else { throw SystemError.last }
        unsafe fputs(text, file)
        unsafe fclose(file)
        return path
    }

    deinit { _ = unsafe system("rm -rf '\(folder)'") }
}
