/// The value of `grpc-timeout`: one to eight digits and a unit.
struct GRPCTimeout: Hashable {
    /// Rounded up, so that no call ends before its time.
    var milliseconds: UInt64

    init(milliseconds: UInt64) {
        self.milliseconds = milliseconds
    }

    /// - Returns: nil for what is no timeout: signs, spaces, no or too many digits, unknown units.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (2...9).contains(bytes.count), let unit = bytes.last else { return nil }
        // At most eight digits, so that neither the sum nor the product of hours overflows.
        var number: UInt64 = 0
        for digit in bytes.dropLast() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        switch unit {
        case UInt8(ascii: "H"): milliseconds = number * 3_600_000
        case UInt8(ascii: "M"): milliseconds = number * 60_000
        case UInt8(ascii: "S"): milliseconds = number * 1000
        case UInt8(ascii: "m"): milliseconds = number
        case UInt8(ascii: "u"): milliseconds = (number + 999) / 1000
        case UInt8(ascii: "n"): milliseconds = (number + 999_999) / 1_000_000
        default: return nil
        }
    }

    /// As a value of `grpc-timeout`, rounded up to the smallest unit that eight digits hold.
    var text: String {
        let units: [(UInt64, String)] = [(1, "m"), (1000, "S"), (60_000, "M"), (3_600_000, "H")]
        for (size, unit) in units {
            let number = milliseconds / size + (milliseconds % size == 0 ? 0 : 1)
            if number <= 99_999_999 { return "\(number)\(unit)" }
        }
        return "99999999H"
    }
}
