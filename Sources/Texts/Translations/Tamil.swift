extension Translations {
    static let tamil: [String: String] = [
        "alert id %@ does not exist": "எச்சரிக்கை ஐடி %@ இல்லை",
        "can't delete yourself": "உங்களை நீங்களே நீக்க முடியாது",
        "cycle_interval need to be at least 1": "cycle_interval குறைந்தது 1 ஆக இருக்க வேண்டும்",
        "duration need to be at least 3": "காலம் குறைந்தது 3 ஆக இருக்க வேண்டும்",
        "group id %@ does not exist": "குழு ஐடி %@ இல்லை",
        "have invalid notification id": "தவறான அறிவிப்பு ஐடி உள்ளது",
        "have invalid server id": "தவறான சேவையக ஐடி உள்ளது",
        "incorrect password": "தவறான கடவுச்சொல்",
        "invalid role": "தவறான பங்கு",
        "invalid state key": "தவறான மாநில விசை",
        "need to configure at least a single rule": "குறைந்தபட்சம் ஒரு விதியையாவது கட்டமைக்க வேண்டும்",
        "notification id %@ does not exist": "அறிவிப்பு ஐடி %@ இல்லை",
        "password length must be greater than 6": "கடவுச்சொல் நீளம் 6 ஐ விட அதிகமாக இருக்க வேண்டும்",
        "permission denied": "இசைவு மறுக்கப்பட்டது",
        "profile id %@ does not exist": "சுயவிவர ஐடி %@ இல்லை",
        "provider not found": "வழங்குநர் கண்டுபிடிக்கப்படவில்லை",
        "scheduled tasks cannot be triggered by alarms": "திட்டமிடப்பட்ட பணிகளை அலாரங்களால் தூண்ட முடியாது",
        "server id %@ does not exist": "சேவையக ஐடி %@ இல்லை",
        "server not found": "சேவையகம் கிடைக்கவில்லை",
        "server not found or not connected": "சேவையகம் கண்டுபிடிக்கப்படவில்லை அல்லது இணைக்கப்படவில்லை",
        "service id %@ does not exist": "சேவை ஐடி %@ இல்லை",
        "task id %@ does not exist": "பணி ஐடி %@ இல்லை",
        "the retry count must be an integer between 1 and 10":
            "மறுபயன்பாட்டு எண்ணிக்கை 1 முதல் 10 வரை ஒரு முழு எண்ணாக இருக்க வேண்டும்",
        "username can't be empty": "பயனர்பெயர் காலியாக இருக்க முடியாது",
    ]
}
