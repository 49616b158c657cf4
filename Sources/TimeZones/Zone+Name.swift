import Glibc

extension Zone {
    /// A zone of the IANA database, such as `Europe/Berlin`, or an offset such as `GMT+5:30`. UTC and offsets need no
    /// file.
    /// - Parameter folder: where the TZif files are.
    /// - Throws: ``ZoneError``.
    package static func named(_ name: String, folder: String = "/usr/share/zoneinfo") throws(ZoneError) -> Zone {
        if let offset = offset(of: name) { return .fixed(name, offset: offset) }
        guard isName(name) else { throw .badName }
        let file = oldNames.first { $0.old.utf8.elementsEqual(name.utf8) }?.new ?? name
        let path = folder + "/" + file
        guard let bytes = try read(path) else {
            guard unsafe access(folder, F_OK) == 0 else { throw .noZones(folder: folder) }
            throw .unknown
        }
        guard let zone = TZif(bytes).zone(named: name) else { throw .damaged(path: path) }
        return zone
    }

    /// Parts of letters, digits, `_`, `-` and `+`, so never `..`; no second copies of the database.
    static func isName(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard name.utf8.count <= 64, let first = parts.first else { return false }
        if ["posix", "right", "localtime", "posixrules"].contains(where: { $0.utf8.elementsEqual(first) }) {
            return false
        }
        return parts.allSatisfy { part in
            !part.isEmpty
                && part.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"): true
                    default: false
                    }
                }
        }
    }

    /// `GMT` and `UTC`, alone or with a sign and `h`, `hh`, `hhmm`, `h:mm` or `hh:mm`, up to 18 hours.
    static func offset(of name: String) -> Int? {
        let bytes = Array(name.utf8)
        guard bytes.starts(with: "GMT".utf8) || bytes.starts(with: "UTC".utf8) else { return nil }
        guard let sign = bytes.dropFirst(3).first else { return 0 }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        var digits = Array(bytes.dropFirst(4))
        if let colon = digits.firstIndex(of: UInt8(ascii: ":")) {
            guard colon == digits.count - 3, colon == 1 || colon == 2 else { return nil }
            digits.remove(at: colon)
            if digits.count == 3 { digits.insert(UInt8(ascii: "0"), at: 0) }
        } else if digits.count == 3 {
            return nil
        }
        guard (1...4).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let (hours, minutes) = digits.count > 2 ? (number / 100, number % 100) : (number, 0)
        let seconds = hours * 3600 + minutes * 60
        guard minutes < 60, seconds <= 18 * 3600 else { return nil }
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// Names of three letters that the database does not have and configurations may.
    private static let oldNames: [(old: String, new: String)] = [
        ("ACT", "Australia/Darwin"), ("AET", "Australia/Sydney"), ("AGT", "America/Argentina/Buenos_Aires"),
        ("ART", "Africa/Cairo"), ("AST", "America/Anchorage"), ("BET", "America/Sao_Paulo"), ("BST", "Asia/Dhaka"),
        ("CAT", "Africa/Maputo"), ("CNT", "America/St_Johns"), ("CST", "America/Chicago"), ("CTT", "Asia/Shanghai"),
        ("EAT", "Africa/Nairobi"), ("ECT", "Europe/Paris"), ("IET", "America/Indiana/Indianapolis"),
        ("IST", "Asia/Kolkata"), ("JST", "Asia/Tokyo"), ("MIT", "Pacific/Apia"), ("NET", "Asia/Yerevan"),
        ("NST", "Pacific/Auckland"), ("PLT", "Asia/Karachi"), ("PNT", "America/Phoenix"),
        ("PRT", "America/Puerto_Rico"), ("PST", "America/Los_Angeles"), ("SST", "Pacific/Guadalcanal"),
        ("VST", "Asia/Ho_Chi_Minh"),
    ]

    /// nil: there is no such file.
    private static func read(_ path: String) throws(ZoneError) -> [UInt8]? {
        // Never waits, should it be a pipe.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .damaged(path: path)
        }
        defer { close(descriptor) }
        // The largest is 4 KiB.
        var bytes = [UInt8](repeating: 0, count: 1 << 18)
        var count = 0
        while count < bytes.count {
            let read = unsafe bytes.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(descriptor, bytes.baseAddress.map { unsafe $0 + count }, bytes.count - count)
            }
            if read == 0 { return Array(bytes.prefix(count)) }
            if read > 0 { count += read } else if errno == EISDIR { return nil } else if errno != EINTR { break }
        }
        throw .damaged(path: path)
    }
}
